#include "samples/horizon/commands/plan_fit.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "samples/horizon/base/text.h"
#include "samples/horizon/options/presets.h"

namespace horizon {
namespace {

// More than any machine has.
constexpr int64_t kUnlimited = int64_t{1} << 60;

struct Asked {
  Options options;
  int64_t seq_len;
};

// A step away from what was asked for: one of a family is enough.
struct Change {
  std::string text;  // as it is typed
  std::string family;
  std::function<void(Asked&)> apply;
};

// They point into both.
hlm_plan_options PlanOptions(const Asked& asked, const std::string& machine) {
  return PlanOptionsOf(asked.options, asked.options.purpose, asked.options.shape.batch_size, asked.seq_len, machine);
}

hlm_plan_options PlanOptions(Asked&&, const std::string&) = delete;

std::optional<Json> PlanOf(const Model& model, const Asked& asked, const std::string& machine) {
  try {
    return DescribePlan(MakePlan(model, PlanOptions(asked, machine)));
  } catch (const ApiError&) {  // a choice that this model or device has not is none
    return std::nullopt;
  }
}

// What is left of a number of rows or tokens: halves, down to the least.
std::vector<int64_t> Halves(int64_t from, int64_t least) {
  std::vector<int64_t> halves;
  for (int64_t n = from / 2; n >= least; n /= 2) halves.push_back(n);
  return halves;
}

std::vector<Change> Changes(const Asked& asked) {
  const Options& o = asked.options;
  std::vector<Change> changes;
  const auto add = [&](std::string text, const char* family, std::function<void(Asked&)> apply) {
    changes.push_back({std::move(text), family, std::move(apply)});
  };
  const bool pairs = o.task.pairs();
  if (o.engine.micro_batch != 1 && o.shape.batch_size > 1 && !pairs)
    add("--micro-batch 1", "micro-batch", [](Asked& a) { a.options.engine.micro_batch = 1; });
  if (o.engine.activations != HLM_ACTIVATIONS_AUTO)
    add("--activations auto", "activations", [](Asked& a) { a.options.engine.activations = HLM_ACTIVATIONS_AUTO; });
  if (o.engine.block_inputs != HLM_BLOCK_INPUTS_AUTO)
    add("--block-inputs auto", "block-inputs", [](Asked& a) { a.options.engine.block_inputs = HLM_BLOCK_INPUTS_AUTO; });
  if (o.purpose == HLM_PURPOSE_TRAIN) {
    const bool f32 = o.optimizer.states == kByBudget || o.optimizer.states == HLM_STATES_F32;
    if (f32) add("--states bf16", "states", [](Asked& a) { a.options.optimizer.states = HLM_STATES_BF16; });
    if (f32 || o.optimizer.states == HLM_STATES_BF16)
      add("--states int8", "states", [](Asked& a) { a.options.optimizer.states = HLM_STATES_INT8; });
    if (o.optimizer.master != HLM_MASTER_NONE && o.engine.compute == HLM_DTYPE_BF16)
      add("--master none", "master", [](Asked& a) { a.options.optimizer.master = HLM_MASTER_NONE; });
    if (o.engine.optimizer_timing != HLM_TIMING_BACKWARD && !o.task.needs_whole_gradients()) {
      add("--optimizer-timing backward --grad-clip 0", "timing", [](Asked& a) {
        a.options.engine.optimizer_timing = HLM_TIMING_BACKWARD;
        a.options.engine.timing_given = true;
        a.options.optimizer.grad_clip = 0;
      });
    }
  }
  for (const int64_t rows : Halves(o.shape.batch_size, pairs ? 2 : 1)) {
    if (pairs && rows % 2 != 0) continue;
    add("--batch-size " + std::to_string(rows), "batch-size", [rows](Asked& a) { a.options.shape.batch_size = rows; });
  }
  // A row of a stream has one token more than --seq-len, the last target.
  const int64_t more = asked.seq_len - o.shape.seq_len;
  for (const int64_t tokens : Halves(o.shape.seq_len, 64)) {
    add("--seq-len " + std::to_string(tokens), "seq-len",
        [tokens, more](Asked& a) { a.seq_len = tokens + std::max<int64_t>(more, 0); });
  }
  return changes;
}

Json RowOf(const std::string& text, const Json& plan) {
  return {{"options", text},
          {"host_bytes", plan.at("host_bytes")},
          {"device_bytes", plan.at("device_bytes")},
          {"tokens_per_second", plan.at("prediction").at("tokens_per_second")}};
}

Asked With(const Asked& asked, const std::vector<const Change*>& changes) {
  Asked changed = asked;
  for (const Change* change : changes) change->apply(changed);
  return changed;
}

std::string TextOfAll(const std::vector<const Change*>& changes) {
  std::string text;
  for (const Change* change : changes) text += (text.empty() ? "" : " ") + change->text;
  return text;
}

// All families to their end, in the order of the list; then whatever is not needed is taken back, the harshest first.
Json Together(const Model& model, const Asked& asked, const std::vector<Change>& changes, const std::string& machine) {
  std::vector<const Change*> taken;
  std::optional<Json> plan;
  for (const Change& change : changes) {
    std::erase_if(taken, [&](const Change* other) { return other->family == change.family; });
    taken.push_back(&change);
    if ((plan = PlanOf(model, With(asked, taken), machine))) break;
  }
  if (!plan) return nullptr;
  for (size_t i = taken.size(); i-- > 0;) {
    std::vector<const Change*> fewer = taken;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    if (const auto smaller = PlanOf(model, With(asked, fewer), machine)) {
      taken = std::move(fewer);
      plan = smaller;
    }
  }
  return RowOf(TextOfAll(taken), *plan);
}

// What the library says of one kind of memory; nothing where that is not what is short.
std::optional<Json> Short(const Model& model, const hlm_plan_options& options) {
  try {
    MakePlan(model, options);
    return std::nullopt;
  } catch (const ApiError& error) {
    long long needed = 0, usable = 0;
    char memory[16] = {};
    // Where states are chosen, that none fits comes first, and then what the smallest of them needs.
    const char* needs = std::strstr(error.what(), "the plan needs ");
    if (error.code() != HLM_RESOURCE_EXHAUSTED || needs == nullptr ||
        std::sscanf(needs, "the plan needs %lld bytes of %15s memory and %lld may be used", &needed, memory, &usable) != 3) {
      throw;
    }
    return Json{{"memory", memory}, {"needed_bytes", needed}, {"usable_bytes", usable}};
  }
}

}  // namespace

Plan PlanWithoutLimits(const Model& model, const Options& options, int64_t seq_len) {
  const std::string machine = ReadMachine(options);
  const Asked asked = {options, seq_len};
  hlm_plan_options without = PlanOptions(asked, machine);
  without.host_limit_bytes = kUnlimited;
  try {
    return MakePlan(model, without);
  } catch (const ApiError& error) {
    if (error.code() != HLM_RESOURCE_EXHAUSTED) throw;
  }
  without.device_limit_bytes = kUnlimited;
  return MakePlan(model, without);
}

Json HowItFits(const Model& model, const Options& options, int64_t seq_len) {
  const std::string machine = ReadMachine(options);
  const Asked asked = {options, seq_len};
  Json how = {{"short", Json::array()}, {"alone", Json::array()}, {"together", nullptr}, {"presets", Json::array()}};
  hlm_plan_options limits = PlanOptions(asked, machine);
  while (const auto too_little = Short(model, limits)) {
    how["short"].push_back(*too_little);
    ((*too_little)["memory"] == "host" ? limits.host_limit_bytes : limits.device_limit_bytes) = kUnlimited;
  }
  const std::vector<Change> changes = Changes(asked);
  std::string family;
  for (const Change& change : changes) {
    if (change.family == family) continue;  // a milder one of its kind is enough
    const auto plan = PlanOf(model, With(asked, {&change}), machine);
    if (!plan) continue;
    family = change.family;
    how["alone"].push_back(RowOf(change.text, *plan));
  }
  if (how["alone"].empty()) how["together"] = Together(model, asked, changes, machine);
  if (how["alone"].empty() && how["together"].is_null() && !options.model.preset.empty()) {
    for (const std::string& name : PresetNames()) {
      ModelOptions preset;
      preset.preset = name;
      if (PlanOf(OpenModel(preset), asked, machine)) how["presets"].push_back(name);
    }
  }
  return how;
}

void PrintHowItFits(const Json& how) {
  std::printf("Does not fit\n");
  for (const Json& one : how.at("short")) {
    std::printf("  %-22s %16s needed, %s may be used\n", (one.at("memory").get<std::string>() + " memory").c_str(),
                FormatBytes(one.at("needed_bytes")).c_str(), FormatBytes(one.at("usable_bytes")).c_str());
  }
  const auto print = [](const Json& row) {
    std::printf("  %-44s host memory %s, device memory %s, %s tokens/s\n", row.at("options").get<std::string>().c_str(),
                FormatBytes(row.at("host_bytes")).c_str(), FormatBytes(row.at("device_bytes")).c_str(),
                FormatRate(row.at("tokens_per_second")).c_str());
  };
  if (!how.at("alone").empty()) {
    std::printf("Fits with one of\n");
    for (const Json& row : how["alone"]) print(row);
  } else if (!how.at("together").is_null()) {
    std::printf("Fits with all of\n");
    print(how["together"]);
  } else {
    std::printf(
        "No option of this command makes it fit: it takes a smaller model or a larger machine (--machine NAME|FILE plans for "
        "one).\n");
  }
  if (!how.at("presets").empty()) {
    std::string names;
    for (const Json& name : how["presets"]) names += " " + name.get<std::string>();
    std::printf("Presets that fit as they are asked for:%s\n", names.c_str());
  }
}

}  // namespace horizon
