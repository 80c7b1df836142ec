// For tests of --task: a small model with a tokenizer and a chat template, and examples to train it on.
#ifndef HORIZON_LM_TESTS_SAMPLES_EXAMPLES_SUPPORT_H_
#define HORIZON_LM_TESTS_SAMPLES_EXAMPLES_SUPPORT_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/samples/support.h"

namespace horizon_test {

// `words`, and those options of `defaults` (a name and its value, by turns) that are not among them.
Words WithDefaults(Words words, const Words& defaults);

// The samples' tokenizer and template in a folder, with a config of 2 layers; its path.
std::string ExampleModel();

// Conversations, `count` of them, of different lengths; JSONL in the scratch folder; its path.
std::string WriteConversations(const std::string& name, int64_t count, int64_t first = 0);
std::string WritePairs(const std::string& name, int64_t count, int64_t first = 0);
std::string WriteLabelled(const std::string& name, int64_t count, int64_t first = 0);

// `train` in f32 on that model; --json; the cache is the test's own.
Result TrainTask(const std::string& task, const Words& more);
// The same, which must succeed; its lines.
std::vector<nlohmann::json> TaskLines(const std::string& task, const Words& more);

std::string FreshFolder(const std::string& name);

}  // namespace horizon_test

#endif  // HORIZON_LM_TESTS_SAMPLES_EXAMPLES_SUPPORT_H_
