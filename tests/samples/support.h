// Files to feed the `horizon` command with, and a way to run it and see what it said.
#ifndef HORIZON_LM_TESTS_SAMPLES_SUPPORT_H_
#define HORIZON_LM_TESTS_SAMPLES_SUPPORT_H_

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace horizon_test {

// Arguments of a command.
using Words = std::vector<std::string>;
Words With(Words words, const Words& more);

// A path inside the test's own scratch folder.
std::string Scratch(const std::string& name);

void WriteFile(const std::string& path, const std::string& bytes);
std::string ReadFile(const std::string& path);

// The bytes of a .npy file of version 1 with this descr ("<i4") and shape text ("(3, 4)"). `data` are its elements as they lie.
std::string Npy(const std::string& descr, const std::string& shape, const std::string& data);

// Whole numbers as the little-endian elements of `descr` ("<i4", "<u2", "<u4", "<i8", "|u1").
std::string Elements(const std::string& descr, const std::vector<int64_t>& values);

// Write .npy files into the scratch folder and return their paths.
std::string WriteStream(const std::string& name, const std::vector<int64_t>& values, const std::string& descr = "<i4");
std::string WriteRows(const std::string& name, int64_t columns, const std::vector<int64_t>& values,
                      const std::string& descr = "<i4");

// A small model's config.json in the scratch folder: 2 layers, hidden 32, 128 ids; its path.
std::string SmallConfig();
inline constexpr int64_t kSmallVocabulary = 128;

// `count` ids below the small vocabulary, the same each time, with some structure to learn.
std::vector<int64_t> SomeIds(int64_t count);

// The lines of a --log-json file, without how long each step took.
std::vector<nlohmann::json> Curve(const std::string& log);

struct Result {
  int status = 0;  // exit status, or 128 + signal
  std::string out, err;

  // The lines of standard output as JSON.
  std::vector<nlohmann::json> Lines() const;
};

// Runs the command with these arguments. `while_running` is called with its process id once it was started. `input`, where it is not
// empty, is its standard input.
Result Horizon(const std::vector<std::string>& arguments, const std::function<void(int)>& while_running = nullptr,
               const std::string& input = "");

// The same for a training with a new --log-json: `then` is called once the log says that it is in its steps.
Result HorizonInItsSteps(const std::string& log, const Words& words, const std::function<void(int)>& then);

// Standard error is one line that begins with "error: ", and every `part` is in it.
void ExpectOneErrorLine(const Result& result, const std::vector<std::string>& parts);

}  // namespace horizon_test

#endif  // HORIZON_LM_TESTS_SAMPLES_SUPPORT_H_
