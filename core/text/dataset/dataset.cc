#include "core/text/dataset/dataset.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <span>
#include <utility>

#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/text/dataset/hash.h"

namespace hlm::dataset {
namespace {

constexpr int32_t kIgnored = -100;
constexpr int64_t kMostEpochs = int64_t{1} << 31;

// By item: a number that those have alike whose ids are equal.
std::vector<size_t> Equals(size_t count, const std::function<std::span<const int32_t>(size_t)>& ids) {
  std::vector<size_t> order(count), numbers(count);
  std::iota(order.begin(), order.end(), size_t{0});
  const auto before = [&](size_t a, size_t b) { return std::ranges::lexicographical_compare(ids(a), ids(b)); };
  std::ranges::sort(order, before);
  for (size_t i = 1; i < count; ++i) numbers[order[i]] = numbers[order[i - 1]] + (before(order[i - 1], order[i]) ? 1 : 0);
  return numbers;
}

// By how many places a circle of numbers is turned so that the fewest lie on their like; the least of such turns.
size_t BestTurn(const std::vector<size_t>& numbers) {
  size_t best = 1, fewest = numbers.size() + 1;
  for (size_t turn = 1; turn < numbers.size() && fewest > 0; ++turn) {
    size_t alike = 0;
    for (size_t i = 0; i < numbers.size(); ++i) alike += numbers[i] == numbers[(i + turn) % numbers.size()];
    if (alike < fewest) best = turn, fewest = alike;
  }
  return best;
}

}  // namespace

std::unique_ptr<Dataset> Dataset::Open(DatasetOptions options, const TextPipeline& pipeline) {
  BuiltStore built = OpenStore(options, pipeline);
  auto dataset = std::unique_ptr<Dataset>(new Dataset(std::move(options), std::move(built)));
  dataset->pipeline_.kind = pipeline.kind;
  dataset->pipeline_.token_text = pipeline.token_text;
  return dataset;
}

Dataset::Dataset(DatasetOptions options, BuiltStore built)
    : options_(std::move(options)),
      built_(std::move(built)),
      documents_(options_, *built_.store),
      selection_(SelectUnits(options_, *built_.store, documents_)),
      epoch_(options_, documents_, selection_.units) {
  Hasher hasher;
  hasher.AddText(built_.key);
  for (const int64_t option :
       {options_.seq_len, int64_t{options_.packing}, static_cast<int64_t>(options_.too_long), int64_t{options_.shuffle},
        options_.seed, static_cast<int64_t>(options_.part), int64_t{options_.drop_last}}) {
    hasher.AddNumber(option);
  }
  for (size_t s = 0; s < options_.sources.size(); ++s) {
    const std::vector<int64_t>& units = selection_.units[s];
    hasher.AddNumber(static_cast<int64_t>(units.size()));
    hasher.Add(&options_.sources[s].weight, sizeof(double));
    for (const int64_t unit : units) hasher.AddNumber(unit);
  }
  order_key_ = hasher.DigestHex();
}

void Dataset::AppendDocument(int64_t number) {
  const Document& document = documents_[number];
  const size_t at = step_.ids.size(), end = at + static_cast<size_t>(document.length);
  step_.ids.resize(end);
  step_.labels.resize(end, kIgnored);
  built_.store->ReadIds(document.begin, document.length, step_.ids.data() + at);
  built_.store->ReadTrained(document.begin, document.length, trained_);
  for (size_t t = at + 1; t < end; ++t) {
    if (trained_[t - at]) step_.labels[t] = step_.ids[t];
  }
  step_.offsets.push_back(static_cast<int64_t>(end));
  step_.documents.push_back(number);
  step_.desirable.push_back(static_cast<int32_t>(document.desirable));
  step_.trained += document.trained;
}

const Step& Dataset::Next(int64_t rows) {
  const int64_t per_unit = documents_.per_unit();
  if (rows < per_unit) {
    throw InvalidArgument("rows is ", rows, "; it must be at least ", per_unit, per_unit == 2 ? ": a pair takes two rows" : "");
  }
  const int64_t wanted = rows / per_unit;
  step_.ids.clear();
  step_.labels.clear();
  step_.documents.clear();
  step_.desirable.clear();
  step_.offsets.assign(1, 0);
  step_.rows.assign(1, 0);
  step_.trained = 0;

  int64_t epoch = next_.epoch, row = next_.row;
  while (true) {
    step_.epoch = epoch;
    if ((options_.epochs > 0 && epoch >= options_.epochs) || epoch >= kMostEpochs) return step_;
    epoch_.Enter(epoch);
    const int64_t left = epoch_.rows() - row;
    // An epoch of less than one step is a step all the same: else there would be none.
    if (left > 0 && (!options_.drop_last || left >= wanted || row == 0)) break;
    ++epoch;
    row = 0;
  }
  const int64_t end = std::min(epoch_.rows(), row + wanted);
  for (; row < end; ++row) {
    epoch_.EachUnit(row, [&](int64_t unit) {
      for (int64_t d = unit * per_unit; d < (unit + 1) * per_unit; ++d) AppendDocument(d);
    });
    step_.rows.push_back(static_cast<int64_t>(step_.documents.size()));
  }
  next_ = row == epoch_.rows() ? EpochRow{epoch + 1, 0} : EpochRow{epoch, row};
  return step_;
}

Step Dataset::Mismatched() const {
  if (options_.task != Task::kUnpaired)
    throw FailedPrecondition("mismatched answers belong to the task kto; this one is ", options_.task_name);
  Step out;
  out.epoch = step_.epoch;
  const size_t count = step_.documents.size();
  if (count < 2) return out;
  // An answer is all from the first trained token on.
  std::vector<int64_t> answers(count);
  for (size_t d = 0; d < count; ++d) {
    int64_t t = step_.offsets[d];
    while (t < step_.offsets[d + 1] && step_.labels[static_cast<size_t>(t)] == kIgnored) ++t;
    answers[d] = t;
  }
  const std::vector<size_t> prompts = Equals(count, [&](size_t d) {
    return std::span(step_.ids).subspan(static_cast<size_t>(step_.offsets[d]),
                                        static_cast<size_t>(answers[d] - step_.offsets[d]));
  });
  const size_t turn = BestTurn(prompts);
  for (size_t d = 0; d < count; ++d) {
    const size_t other = (d + turn) % count;
    if (prompts[other] == prompts[d]) continue;
    const auto begin = static_cast<int64_t>(out.ids.size());
    out.ids.insert(out.ids.end(), step_.ids.begin() + step_.offsets[d], step_.ids.begin() + answers[d]);
    out.labels.resize(out.ids.size(), kIgnored);
    out.ids.insert(out.ids.end(), step_.ids.begin() + answers[other], step_.ids.begin() + step_.offsets[other + 1]);
    out.labels.insert(out.labels.end(), step_.labels.begin() + answers[other], step_.labels.begin() + step_.offsets[other + 1]);
    const auto most = static_cast<size_t>(begin + options_.seq_len);
    if (out.ids.size() > most) {
      out.ids.resize(most);
      out.labels.resize(most);
    }
    out.labels[static_cast<size_t>(begin)] = kIgnored;
    out.offsets.push_back(static_cast<int64_t>(out.ids.size()));
    out.documents.push_back(step_.documents[d]);
    out.desirable.push_back(step_.desirable[d]);
    out.rows.push_back(static_cast<int64_t>(out.documents.size()));
  }
  out.trained = std::count_if(out.labels.begin(), out.labels.end(), [](int32_t label) { return label != kIgnored; });
  return out;
}

std::string Dataset::Position() const {
  JsonWriter json;
  json.BeginObject().Member("order", order_key_).Member("epoch", next_.epoch).Member("row", next_.row).EndObject();
  return json.Take();
}

void Dataset::Seek(std::string_view position_json) {
  const JsonValue position = ParseJson(position_json, "the data set's position");
  const auto whole = [&](const char* key, int64_t most) {
    const JsonValue* value = position.Find(key);
    const std::optional<int64_t> number = value == nullptr ? std::nullopt : value->Int();
    if (!number || *number < 0 || *number > most) {
      throw InvalidArgument("the data set's position has ", key, " ", value == nullptr ? "missing" : PrintableJson(*value),
                            "; it must be a whole number in [0, ", most, "]");
    }
    return *number;
  };
  const JsonValue* order = position.Find("order");
  if (order == nullptr || !order->IsString()) throw InvalidArgument("the data set's position has no order");
  if (order->String() != order_key_) {
    throw FailedPrecondition("the position is of another order of the data: its key is ", Printable(order->String(), 40),
                             ", this one's ", order_key_,
                             "; files, tokenizer, template and options must be those it was taken with");
  }
  const int64_t epoch = whole("epoch", kMostEpochs);
  const bool ended = options_.epochs > 0 && epoch >= options_.epochs;
  if (!ended) epoch_.Enter(epoch);
  next_ = {epoch, whole("row", ended ? 0 : epoch_.rows())};
}

std::string Dataset::ColumnName(const std::string& name, const std::string& key) const {
  const bool good = !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  if (!good)
    throw InvalidArgument("a column is called \"", Printable(name, 70), "\"; a name has 1 to 64 letters, digits, _ and -");
  Hasher hasher;
  hasher.AddText(key);
  hasher.AddNumber(options_.seq_len);
  hasher.AddNumber(static_cast<int64_t>(options_.too_long));
  return StrCat(name, "-", hasher.DigestHex());
}

void Dataset::WriteColumn(const std::string& name, const std::string& key, std::span<const float> values) const {
  const std::string file = ColumnName(name, key);
  if (static_cast<int64_t>(values.size()) != documents()) {
    throw InvalidArgument("a column has ", Counted(values.size(), "value"), "; it must have one a document, ", documents());
  }
  if (built_.folder.empty()) throw FailedPrecondition("a column needs a cache to be kept in; this data set has none");
  dataset::WriteColumn(built_.folder, file, values);
}

std::optional<std::vector<float>> Dataset::ReadColumn(const std::string& name, const std::string& key) const {
  const std::string file = ColumnName(name, key);
  if (built_.folder.empty()) return std::nullopt;
  return dataset::ReadColumn(built_.folder, file, documents());
}

std::string Dataset::Describe() {
  epoch_.Enter(options_.epochs > 0 ? std::min(next_.epoch, options_.epochs - 1) : next_.epoch);
  int64_t used = 0, tokens = 0, trained = 0;
  std::vector<int64_t> source_documents, source_tokens;
  for (const auto& units : selection_.units) {
    int64_t own = 0;
    for (const int64_t unit : units) {
      own += documents_.UnitLength(unit);
      trained += documents_.UnitTrained(unit);
    }
    source_documents.push_back(static_cast<int64_t>(units.size()) * documents_.per_unit());
    source_tokens.push_back(own);
    used += source_documents.back();
    tokens += own;
  }
  const std::span<const StoredSource> stored = built_.store->sources();
  const StoredSource sum = SumOfSources(*built_.store);
  int64_t examples = 0;
  for (size_t s = 0; s < stored.size(); ++s)
    examples += options_.part == Part::kEvaluation ? selection_.evaluation[s] : selection_.selected[s] - selection_.evaluation[s];
  const double capacity = static_cast<double>(epoch_.rows()) * static_cast<double>(epoch_.Capacity());
  const Documents::Counts& cut = documents_.counts();

  JsonWriter json;
  json.BeginObject();
  json.Member("task", options_.task_name);
  json.Member("part", options_.part == Part::kTrain ? "train" : "evaluation");
  json.Member("records", sum.records).Member("examples", examples).Member("documents", used);
  json.Member("tokens", tokens).Member("trained_tokens", trained);
  json.Member("truncated", cut.truncated).Member("split", cut.split);
  json.Member("dropped", sum.bad + sum.empty + sum.turn_order + sum.untrained + cut.untrained + cut.too_long);
  json.Key("dropped_for").BeginObject();
  json.Member("bad_record", sum.bad).Member("empty_answer", sum.empty).Member("turn_order", sum.turn_order);
  json.Member("nothing_trained", sum.untrained + cut.untrained).Member("too_long", cut.too_long);
  json.EndObject();
  Account account = built_.store->account();
  account.AddRecords(Did::kDropped, "nothing_trained", cut.untrained);
  account.AddRecords(Did::kDropped, "too_long", cut.too_long);
  account.AddRecords(Did::kCut, "truncated", cut.truncated);
  account.AddRecords(Did::kCut, "split", cut.split);
  json.Key("account");
  account.Write(json);
  if (pipeline_.kind) {
    if (!ends_) ends_ = FindTurnEnds(*built_.store, pipeline_.kind);
    json.Key("turns");
    WriteTurnEnds(*ends_, pipeline_, json);
  }
  json.Member("seq_len", options_.seq_len).Member("packing", options_.packing).Member("row_tokens", epoch_.Capacity());
  json.Member("rows", epoch_.rows());
  json.Member("efficiency", capacity > 0 ? static_cast<double>(epoch_.tokens()) / capacity : 0.0);
  json.Member("column_length", documents());
  json.Key("sources").BeginArray();
  for (size_t s = 0; s < stored.size(); ++s) {
    json.BeginObject();
    json.Member("name", options_.sources[s].name).Member("format", Name(static_cast<Format>(stored[s].format)));
    json.Member("records", stored[s].records).Member("documents", source_documents[s]).Member("tokens", source_tokens[s]);
    json.Member("documents_per_epoch", epoch_.units_per_epoch()[s] * documents_.per_unit());
    json.EndObject();
  }
  json.EndArray();
  json.Key("cache").BeginObject();
  json.Member("state", built_.state).Member("folder", built_.folder).Member("key", built_.key).Member("note", built_.note);
  json.EndObject();
  json.EndObject();
  return json.Take();
}

}  // namespace hlm::dataset
