#include "tests/samples/support.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <stdexcept>

namespace horizon_test {

Words With(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::string Scratch(const std::string& name) {
  static const std::string folder = [] {
    const std::string path = testing::TempDir() + "/horizon-" + std::to_string(getpid());
    mkdir(path.c_str(), 0777);
    return path;
  }();
  return folder + "/" + name;
}

void WriteFile(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string Npy(const std::string& descr, const std::string& shape, const std::string& data) {
  std::string header = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';
  header += '\n';
  std::string bytes("\x93NUMPY\x01\x00", 8);
  bytes += static_cast<char>(header.size() & 0xff);
  bytes += static_cast<char>(header.size() >> 8);
  return bytes + header + data;
}

std::string Elements(const std::string& descr, const std::vector<int64_t>& values) {
  const int size = descr[2] - '0';
  std::string data;
  for (const int64_t value : values) {
    for (int byte = 0; byte < size; ++byte) data += static_cast<char>(static_cast<uint64_t>(value) >> (8 * byte));
  }
  return data;
}

std::string WriteStream(const std::string& name, const std::vector<int64_t>& values, const std::string& descr) {
  WriteFile(Scratch(name), Npy(descr, "(" + std::to_string(values.size()) + ",)", Elements(descr, values)));
  return Scratch(name);
}

std::string WriteRows(const std::string& name, int64_t columns, const std::vector<int64_t>& values, const std::string& descr) {
  const int64_t rows = static_cast<int64_t>(values.size()) / columns;
  const std::string shape = "(" + std::to_string(rows) + ", " + std::to_string(columns) + ")";
  WriteFile(Scratch(name), Npy(descr, shape, Elements(descr, values)));
  return Scratch(name);
}

std::string SmallConfig() {
  const std::string path = Scratch("small.json");
  const nlohmann::json config = {{"architectures", {"LlamaForCausalLM"}},
                                 {"model_type", "llama"},
                                 {"hidden_act", "silu"},
                                 {"hidden_size", 32},
                                 {"intermediate_size", 64},
                                 {"num_hidden_layers", 2},
                                 {"num_attention_heads", 4},
                                 {"num_key_value_heads", 2},
                                 {"vocab_size", kSmallVocabulary},
                                 {"max_position_embeddings", 256},
                                 {"rms_norm_eps", 1e-5},
                                 {"rope_theta", 10000.0},
                                 {"tie_word_embeddings", false},
                                 {"initializer_range", 0.05}};
  WriteFile(path, config.dump());
  return path;
}

std::vector<int64_t> SomeIds(int64_t count) {
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < count; ++i) ids.push_back((7 * i + (i * i) % 11 + (i % 5 == 0 ? 40 : 0)) % kSmallVocabulary);
  return ids;
}

std::vector<nlohmann::json> Curve(const std::string& log) {
  std::vector<nlohmann::json> lines;
  std::ifstream file(log);
  for (std::string line; std::getline(file, line);) {
    lines.push_back(nlohmann::json::parse(line));
    lines.back().erase("tokens_per_second");
  }
  return lines;
}

std::vector<nlohmann::json> Result::Lines() const {
  std::vector<nlohmann::json> lines;
  std::istringstream stream(out);
  for (std::string line; std::getline(stream, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

Result Horizon(const std::vector<std::string>& arguments, const std::function<void(int)>& while_running,
               const std::string& input) {
  const std::string program = "samples/horizon/horizon";  // Bazel runs a test where its data lie
  static int runs = 0;
  const std::string out = Scratch("out-" + std::to_string(++runs)), err = Scratch("err-" + std::to_string(runs));
  std::vector<char*> argv = {const_cast<char*>(program.c_str())};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);

  // Before the fork: a child that is killed at once has made nothing.
  const int out_file = open(out.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0666);
  const int err_file = open(err.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0666);
  int in_file = -1;
  if (!input.empty()) {
    const std::string in = Scratch("in-" + std::to_string(runs));
    WriteFile(in, input);
    in_file = open(in.c_str(), O_RDONLY | O_CLOEXEC);
  }
  const pid_t child = fork();
  if (child == 0) {
    if (in_file >= 0) dup2(in_file, STDIN_FILENO);
    dup2(out_file, STDOUT_FILENO);
    dup2(err_file, STDERR_FILENO);
    execv(program.c_str(), argv.data());
    _exit(127);
  }
  if (in_file >= 0) close(in_file);
  close(out_file);
  close(err_file);
  if (while_running) while_running(child);
  int status = 0;
  waitpid(child, &status, 0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), ReadFile(out), ReadFile(err)};
}

Result HorizonInItsSteps(const std::string& log, const Words& words, const std::function<void(int)>& then) {
  unlink(log.c_str());
  return Horizon(With(words, {"--log-json", log}), [&](int process) {
    for (int i = 0; i < 3000; ++i) {
      std::ifstream file(log);
      std::string line;
      if (std::getline(file, line) && std::getline(file, line)) break;
      usleep(10000);
    }
    then(process);
  });
}

void ExpectOneErrorLine(const Result& result, const std::vector<std::string>& parts) {
  EXPECT_EQ(result.err.rfind("error: ", 0), 0u) << result.err;
  EXPECT_EQ(result.err.find('\n'), result.err.size() - 1) << result.err;
  for (const std::string& part : parts) EXPECT_NE(result.err.find(part), std::string::npos) << part << " not in: " << result.err;
}

}  // namespace horizon_test
