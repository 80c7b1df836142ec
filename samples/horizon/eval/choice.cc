// horizon eval --task choice: of several answers to a question, which does the model find likeliest?
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "samples/horizon/base/activity.h"
#include "samples/horizon/base/output.h"
#include "samples/horizon/base/text.h"
#include "samples/horizon/data/account.h"
#include "samples/horizon/data/examples.h"
#include "samples/horizon/data/tokenizer.h"
#include "samples/horizon/data/json_lines.h"
#include "samples/horizon/eval/eval.h"
#include "samples/horizon/eval/score.h"

namespace horizon {
namespace {

struct Question {
  int64_t answer = 0;
  std::vector<int64_t> bytes;  // of each choice
  std::vector<double> logprobs;
  std::vector<int64_t> tokens;
};

// The choices of all questions as examples, a line each, in a file that goes with the object. Nobody but us knows that file: what is
// said of one of its lines is to name the line that the user wrote.
class ChoiceFile {
 public:
  explicit ChoiceFile(const std::string& questions) : questions_(questions) {
    const char* folder = std::getenv("TMPDIR");
    path_ = std::string(folder != nullptr && *folder != '\0' ? folder : "/tmp") + "/horizon-choices-XXXXXX.jsonl";
    const int file = mkstemps(path_.data(), 6);
    if (file < 0) throw Error(path_ + ": cannot be created");
    close(file);
    stream_.open(path_);
  }
  ~ChoiceFile() { unlink(path_.c_str()); }
  ChoiceFile(const ChoiceFile&) = delete;
  ChoiceFile& operator=(const ChoiceFile&) = delete;

  // `where`: of the record that it is from.
  void Add(const Json& example, const std::string& where) {
    stream_ << example.dump() << "\n";
    where_.push_back(where);
  }
  void Close() {
    stream_.close();
    if (!stream_) throw Error(path_ + ": writing failed");
  }
  const std::string& path() const { return path_; }

  std::string InUsersWords(std::string text) const {
    for (size_t at = 0; (at = text.find(path_, at)) != std::string::npos;) {
      size_t end = at + path_.size(), line = 0;
      if (text.compare(end, 1, ":") == 0) {
        const char* digits = text.data() + end + 1;
        const auto [stop, failure] = std::from_chars(digits, text.data() + text.size(), line);
        if (failure == std::errc() && line >= 1 && line <= where_.size()) {
          end = static_cast<size_t>(stop - text.data());
        } else {
          line = 0;
        }
      }
      const std::string& own = line == 0 ? questions_ : where_[line - 1];
      text.replace(at, end - at, own);
      at += own.size();
    }
    return text;
  }

 private:
  std::string questions_, path_;
  std::ofstream stream_;
  std::vector<std::string> where_;  // by line
};

// A choice as an example whose completion it is, so that it is tokenized, and its tokens told from the prompt's, as in training. What
// else the record has (a system prompt, tools) goes along, and is used, told or refused as there.
Json ExampleOf(const Json& record, const std::string& choice, bool bytes, const std::string& where) {
  const Json& prompt = record["prompt"];
  Json example = record;
  for (const char* own : {"choices", "answer"}) example.erase(own);
  example["completion"] = choice;
  if (!bytes) return example;
  if (!prompt.is_string()) throw Error(where + ": \"prompt\" is a list of messages, which --bytes has no template for");
  const std::string before = prompt.get<std::string>();
  if (before.empty()) throw Error(where + ": its prompt is empty");
  Json ids = Json::array(), mask = Json::array();
  for (const char byte : before + choice) ids.push_back(static_cast<unsigned char>(byte));
  for (size_t t = 0; t < ids.size(); ++t) mask.push_back(t < before.size() ? 0 : 1);
  return {{"input_ids", ids}, {"completion_mask", mask}};
}

std::vector<Question> ReadQuestions(const std::string& path, bool bytes, ChoiceFile& examples) {
  std::vector<Question> questions;
  ForEachJsonLine(path, [&](const Json& record, const std::string& where) {
    const auto member = [&](const char* key) -> const Json& {
      if (!record.contains(key))
        throw Error(where + ": has no \"" + key + "\"; \"prompt\", \"choices\" and \"answer\" are needed");
      return record[key];
    };
    const Json &prompt = member("prompt"), &choices = member("choices"), &answer = member("answer");
    if (!prompt.is_string() && !prompt.is_array()) throw Error(where + ": \"prompt\" is neither a string nor a list of messages");
    if (!choices.is_array() || choices.size() < 2) throw Error(where + ": \"choices\" is no list of two or more");
    Question question;
    if (!answer.is_number_integer() || answer < 0 || answer >= choices.size()) {
      throw Error(where + ": \"answer\" is " + answer.dump() + "; it must be the number of a choice, in [0, " +
                  std::to_string(choices.size()) + ")");
    }
    question.answer = answer;
    for (const Json& choice : choices) {
      if (!choice.is_string() || choice.get<std::string>().empty()) throw Error(where + ": a choice is no text, or an empty one");
      question.bytes.push_back(static_cast<int64_t>(choice.get<std::string>().size()));
      examples.Add(ExampleOf(record, choice, bytes, where), where);
    }
    questions.push_back(std::move(question));
  });
  if (questions.empty()) throw Error(path + ": holds no question");
  return questions;
}

// The first of the largest.
int64_t Best(const Question& question, bool by_byte) {
  size_t best = 0;
  const auto value = [&](size_t i) { return question.logprobs[i] / (by_byte ? static_cast<double>(question.bytes[i]) : 1.0); };
  for (size_t i = 1; i < question.logprobs.size(); ++i) {
    if (value(i) > value(best)) best = i;
  }
  return static_cast<int64_t>(best);
}

Examples OpenExamples(const Json& config, const TextTools& tools, const ChoiceFile& file) {
  try {
    return Examples(config, tools);
  } catch (const ApiError& error) {
    throw ApiError(error.code(), file.InUsersWords(error.what()));
  }
}

void Score(const Model& model, Options options, const ChoiceFile& file, std::vector<Question>& questions) {
  options.run.no_shuffle = true;
  options.text.packing = 0;
  options.text.too_long = "error";
  options.text.cache_dir = "none";
  options.text.train_on = "completion";
  options.task.task = "sft";
  const TextTools tools(options);
  Json config = ExamplesConfig(options, tools, DescribeModel(model), {file.path()}, "train");
  config["data"][0]["name"] = options.data.data;
  config["epochs"] = 1;
  config["append_eos"] = false;
  Examples examples = OpenExamples(config, tools, file);
  for (const std::string& line : AccountLines(examples.description()))
    std::fprintf(stderr, "%s\n", file.InUsersWords(line).c_str());
  size_t expected = 0;
  for (const Question& question : questions) expected += question.bytes.size();
  if (examples.description().at("documents") != expected) {
    throw Error(options.data.data + ": of " + std::to_string(expected) + " choices " +
                examples.description().at("documents").dump() + " can be scored");
  }
  Trainer trainer = MakeForwardTrainer(model, options);
  size_t at = 0;
  Activity scoring("scoring, choices");
  Scorer scorer(trainer, options.shape.batch_size * options.shape.seq_len, [&](const Scored& one) {
    scoring.Done(one.index + 1, static_cast<int64_t>(expected));
    if (questions[at].logprobs.size() == questions[at].bytes.size()) ++at;
    questions[at].logprobs.push_back(one.sum);
    questions[at].tokens.push_back(one.tokens);
  });
  hlm_dataset_batch batch;
  while (examples.Next(1, batch)) scorer.Add({batch.ids, batch.n_ids}, {batch.labels, batch.n_labels});
  scorer.Finish();
}

}  // namespace

int RunChoice(const Options& options) {
  CheckOneDataFile(options);
  if (!options.score.details.empty()) CheckOutputFile(options.score.details);
  const Model model = OpenModel(options.model);
  ChoiceFile file(options.data.data);
  const bool bytes = options.text.tokenizer.empty() && !TokenizerOf(options.model);
  if (bytes) CheckBytes(options.model, DescribeModel(model).at("vocab_size").get<int64_t>());
  std::vector<Question> questions = ReadQuestions(options.data.data, bytes, file);
  file.Close();
  Score(model, options, file, questions);

  JsonLog details(options.score.details);
  int64_t right = 0, right_norm = 0, choices = 0, tokens = 0;
  for (size_t i = 0; i < questions.size(); ++i) {
    const Question& question = questions[i];
    const int64_t best = Best(question, false), best_norm = Best(question, true);
    right += best == question.answer;
    right_norm += best_norm == question.answer;
    choices += static_cast<int64_t>(question.bytes.size());
    for (const int64_t n : question.tokens) tokens += n;
    details.Write({{"question", i},
                   {"answer", question.answer},
                   {"best", best},
                   {"best_norm", best_norm},
                   {"logprobs", question.logprobs},
                   {"bytes", question.bytes},
                   {"tokens", question.tokens}});
  }
  details.Close();
  const auto n = static_cast<double>(questions.size());
  const Json line = {{"accuracy", static_cast<double>(right) / n},
                     {"accuracy_norm", static_cast<double>(right_norm) / n},
                     {"questions", questions.size()},
                     {"choices", choices},
                     {"tokens", tokens},
                     {"normalization", "bytes of the choice"}};
  if (options.json) {
    std::printf("%s\n", line.dump().c_str());
  } else {
    std::printf("accuracy %.4f by log-probability, %.4f by log-probability a byte; %s of %s\n", line["accuracy"].get<double>(),
                line["accuracy_norm"].get<double>(), FormatCount(line["questions"], "question").c_str(),
                FormatCount(choices, "choice").c_str());
  }
  return kExitOk;
}

}  // namespace horizon
