// What a run leaves behind, checked before it begins: an output that cannot be written must not be found out hours later.
#ifndef HORIZON_LM_SAMPLES_HORIZON_BASE_OUTPUT_H_
#define HORIZON_LM_SAMPLES_HORIZON_BASE_OUTPUT_H_

#include <cstdint>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace horizon {

// Throws where nothing can be written into `folder`, or it cannot be made where it is missing.
void CheckFolder(const std::string& folder);

// Throws where a file of this name cannot be made.
void CheckOutputFile(const std::string& path);

// JSON objects, one a line, each written through at once so that a run can be watched. An empty path writes nothing.
class JsonLog {
 public:
  explicit JsonLog(const std::string& path);  // truncates
  // Goes on with a log: lines of a step above `last_step`, and what follows them, are cut off first.
  JsonLog(const std::string& path, int64_t last_step);
  static JsonLog ToStandardOutput();

  // A failed write does not stop a run: it is kept until Close.
  void Write(const nlohmann::ordered_json& object);

  // Throws the first failure.
  void Close();

 private:
  JsonLog(std::FILE* file, std::string path);

  std::string path_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
  int first_errno_ = 0;
};

}  // namespace horizon

#endif  // HORIZON_LM_SAMPLES_HORIZON_BASE_OUTPUT_H_
