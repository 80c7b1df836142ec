// What can go wrong in the command: a message for people, and the exit status that goes with it.
#ifndef HORIZON_LM_SAMPLES_HORIZON_BASE_ERROR_H_
#define HORIZON_LM_SAMPLES_HORIZON_BASE_ERROR_H_

#include <stdexcept>
#include <string>

namespace horizon {

inline constexpr int kExitOk = 0;
inline constexpr int kExitError = 1;
inline constexpr int kExitUsage = 2;
inline constexpr int kExitSignal = 128;  // plus the signal that ended a run, as shells report it

// Bad input, a refused plan, a failed write: status 1.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& message) : std::runtime_error(message) {}
};

// A command line that asks for nothing that can be done: status 2.
class UsageError : public std::runtime_error {
 public:
  explicit UsageError(const std::string& message) : std::runtime_error(message) {}
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_BASE_ERROR_H_
