#include "samples/horizon/data/examples.h"

#include <sys/stat.h>

#include <charconv>
#include <cmath>
#include <filesystem>
#include <utility>

#include "samples/horizon/base/activity.h"
#include "samples/horizon/base/text.h"
#include "samples/horizon/data/dataset.h"
#include "samples/horizon/data/packed_text.h"

namespace horizon {
namespace {

bool Exists(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0;
}

bool IsFolder(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

std::string FolderOf(const std::string& path) {
  if (IsFolder(path)) return path;
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

// The first source, and how many there are besides.
std::string NameOf(const Json& sources) {
  const Json& first = sources.at(0);
  std::string name = "the data";
  for (const char* key : {"name", "path"}) {
    if (first.contains(key) && first[key].is_string()) name = first[key].get<std::string>();
  }
  const std::string others = sources.size() > 1 ? " and " + FormatCount(static_cast<int64_t>(sources.size()) - 1) + " more" : "";
  return OneLine(name) + others;
}

// Of all sources; 0 where one's files are named in dataset_info.json.
int64_t BytesOf(const Json& sources) {
  int64_t sum = 0;
  for (const Json& source : sources) {
    if (!source.contains("path") || !source["path"].is_string()) return 0;
    sum += BytesIn(source["path"].get<std::string>(), {".jsonl", ".json", ".ndjson", ".gz", ".zst"});
  }
  return sum;
}

// Empty where the folder has none; what is wrong with one is said.
hlm::Template OpenTemplateIfThere(const std::string& path) {
  try {
    return hlm::Template::Open(path);
  } catch (const ApiError& error) {
    if (error.code() != HLM_NOT_FOUND) throw;
  }
  return {};
}

}  // namespace

TextTools::TextTools(const Options& options) {
  const TextOptions& text = options.text;
  template_name = text.template_name;
  const std::string& folder = options.model.folder;
  if (!text.tokenizer.empty()) {
    tokenizer = Tokenizer::Open(text.tokenizer);
  } else {
    tokenizer = TokenizerOf(options.model);
    if (!tokenizer) why_no_tokenizer = WhyNoTokenizer(options.model);
  }
  const bool own = text.chat_template == "auto";
  if (!own) chat_template = hlm::Template::Open(text.chat_template);
  if (own && !folder.empty()) chat_template = OpenTemplateIfThere(folder);
  if (own && !chat_template && !text.tokenizer.empty()) chat_template = OpenTemplateIfThere(FolderOf(text.tokenizer));
  if (chat_template && tokenizer) chat_template = chat_template.WithTokenizer(tokenizer);
  if (!text.variables.empty()) {
    const Json given = Json::parse(text.variables, nullptr, false);
    if (!given.is_object()) throw UsageError("--template-variables: '" + OneLine(text.variables) + "' is no JSON object");
    variables.update(given);
  }
}

Json ParseSource(const std::string& text) {
  if (text.starts_with("{")) {
    Json source = Json::parse(text, nullptr, false);
    if (!source.is_object()) throw UsageError("--data: '" + OneLine(text) + "' is no JSON object");
    return source;
  }
  std::string path = text;
  Json source = Json::object();
  const size_t equals = text.rfind('=');
  if (equals != std::string::npos && !Exists(text)) {
    double weight = 0;
    const char* end = text.data() + text.size();
    const auto [stop, failure] = std::from_chars(text.data() + equals + 1, end, weight);
    if (failure != std::errc() || stop != end || !std::isfinite(weight) || weight <= 0) {
      throw UsageError("--data: '" + OneLine(text.substr(equals + 1)) + "' behind the = of '" + OneLine(text) +
                       "' is no weight: a number above 0 is");
    }
    path = text.substr(0, equals);
    source["weight"] = weight;
  }
  const std::string info = "dataset_info.json:";
  const size_t at = path.rfind(info);
  if (at != std::string::npos) {
    source["dataset_info"] = path.substr(0, at + info.size() - 1);
    source["name"] = path.substr(at + info.size());
    return source;
  }
  for (const char* ending : {".npy", ".txt"}) {
    if (NameOfText(path).ends_with(ending))
      throw UsageError("--data " + path + ": --task takes JSONL; " + ending + " files are for runs without --task");
  }
  source["path"] = path;
  return source;
}

Json ExamplesConfig(const Options& options, const TextTools& tools, const Json& model, const std::vector<std::string>& sources,
                    const std::string& part) {
  const TaskOptions& task = options.task;
  const TextOptions& text = options.text;
  Json data = Json::array();
  for (const std::string& source : sources) data.push_back(ParseSource(source));
  Json config = {{"data", data},
                 {"task", task.task},
                 {"train_on", text.train_on},
                 {"seq_len", options.shape.seq_len},
                 {"packing", text.packing != 0},
                 {"shuffle", !options.run.no_shuffle},
                 {"seed", options.run.seed},
                 {"part", part},
                 {"vocab_size", model.at("vocab_size")},
                 {"bad_records", text.bad_records},
                 {"empty_answers", text.empty_answers},
                 {"unused_members", text.unused_members},
                 {"content_parts", text.content_parts},
                 {"mask", text.mask},
                 {"tool_arguments", text.tool_arguments},
                 {"null_arguments", text.null_arguments}};
  if (text.safe_content) config["safe_content"] = true;
  if (!text.too_long.empty()) config["too_long"] = text.too_long;
  if (text.cache_dir == "none") {
    config["cache_dir"] = nullptr;
  } else if (!text.cache_dir.empty()) {
    config["cache_dir"] = text.cache_dir;
  }
  if (!tools.template_name.empty()) config["template_name"] = tools.template_name;
  if (!text.date.empty()) config["template_date"] = text.date;
  if (!tools.variables.empty()) config["template_variables"] = tools.variables;
  return config;
}

Examples::Examples(const Json& config, const TextTools& tools) : config_(config) {
  const Activity reading("reading and tokenizing " + NameOf(config.at("data")), BytesOf(config.at("data")));
  try {
    set_ = hlm::Dataset(config.dump(), &tools.tokenizer, &tools.chat_template);
  } catch (
      const ApiError& error) {  // the library was given none, and can say neither what the folder has nor which option names one
    if (error.code() != HLM_FAILED_PRECONDITION) throw;
    std::string message = error.what();
    if (!tools.tokenizer && message.find("tokenizer") != std::string::npos) message += " (--tokenizer)";
    if (!tools.chat_template && message.find("chat template") != std::string::npos) message += " (--template)";
    throw ApiError(error.code(), message + (tools.why_no_tokenizer.empty() ? "" : "; " + tools.why_no_tokenizer));
  }
  description_ = Json::parse(set_.Describe());
  order_ = Json::parse(set_.Position()).at("order").get<std::string>();
}

bool Examples::Next(int64_t rows, hlm_dataset_batch& batch) {
  batch = set_.Next(rows);
  return batch.n_ids > 0;
}

hlm_dataset_batch Examples::Mismatched() { return set_.Mismatched(); }

std::string Examples::Position() { return set_.Position(); }
void Examples::Seek(const std::string& position) { set_.Seek(position); }

int64_t Examples::steps_per_epoch(int64_t rows) const {
  // A row of pairs is as long as two.
  const int64_t of_plan = description_.at("row_tokens").get<int64_t>() / description_.at("seq_len").get<int64_t>();
  const int64_t in_step = std::max<int64_t>(rows / of_plan, 1);
  return (description_.at("rows").get<int64_t>() + in_step - 1) / in_step;
}

std::string Examples::Summary() const {
  const auto count = [&](const char* key) { return description_.at(key).get<int64_t>(); };
  std::string text = FormatCount(count("documents"), "document") + " of " + FormatCount(count("tokens"), "token") + " (" +
                     FormatCount(count("trained_tokens")) + " trained) in " + FormatCount(count("rows"), "row") + ", " +
                     Format("%.0f%% full", 100 * description_.at("efficiency").get<double>());
  return text;
}

hlm_batch ViewOf(const hlm_dataset_batch& batch) {
  hlm_batch view;
  hlm_batch_init(&view);
  view.ids = batch.ids;
  view.n_ids = batch.n_ids;
  view.offsets = batch.offsets;
  view.n_offsets = batch.n_offsets;
  view.labels = batch.labels;
  view.n_labels = batch.n_labels;
  return view;
}

ExampleData::ExampleData(const Options& options, const Json& model) : options_(options), tools_(options) {
  const TaskOptions& task = options.task;
  Json config = ExamplesConfig(options, tools_, model, options.data.files, "train");
  if (task.eval_fraction > 0) config["evaluation"] = task.eval_fraction;
  train_ = std::make_unique<Examples>(config, tools_);
  if (task.eval_fraction > 0) {
    config["part"] = "evaluation";
  } else if (!options.run.eval_files.empty()) {
    config = ExamplesConfig(options, tools_, model, options.run.eval_files, "train");
  } else {
    return;
  }
  // Each held-out example once, whatever the shares of what is trained on.
  for (Json& source : config["data"]) source.erase("weight");
  config["shuffle"] = false;
  config["epochs"] = 1;
  evaluation_ = std::make_unique<Examples>(config, tools_);
}

Json ExampleData::Description() const {
  Json description = train_->description();
  // What is held out of the same set is in its account already.
  if (!evaluation_ || options_.task.eval_fraction > 0) return description;
  for (Json row : evaluation_->description().value("account", Json::array())) {
    row["held_out"] = true;
    row["text"] = "held out: " + row.at("text").get<std::string>();
    description["account"].push_back(row);
  }
  return description;
}

hlm_dataset_batch ExampleData::Next() {
  hlm_dataset_batch batch;
  train_->Next(rows(), batch);
  step_tokens_ = static_cast<int64_t>(batch.n_ids);
  num_tokens_ += step_tokens_;
  return batch;
}

void ExampleData::Tell(int64_t step, Json& more) const {
  more["epoch"] = static_cast<double>(step) / static_cast<double>(steps_per_epoch());
  more["num_tokens"] = num_tokens_;
}

Json ExampleData::Identity() const { return {{"task", options_.task.task}, {"batch_size", rows()}}; }

Json ExampleData::Contents() const {
  return {{kHashOfData, train_->order()}, {kHashOfHeldOut, evaluation_ ? evaluation_->order() : ""}};
}

Json ExampleData::Position() {
  Json position = Identity();
  position["num_tokens"] = num_tokens_;
  position["data"] = train_->Position();
  return position;
}

void ExampleData::Seek(const Json& position) {
  if (!position.contains("data") || !position["data"].is_string()) throw Error("the checkpoint does not say where its data were");
  train_->Seek(position["data"].get<std::string>());
  num_tokens_ = position.value("num_tokens", int64_t{0});
}

std::string ExampleData::Summary() const {
  return train_->Summary() +
         (evaluation_ ? "; held out " + FormatCount(evaluation_->description().at("documents"), "document") : "");
}

}  // namespace horizon
