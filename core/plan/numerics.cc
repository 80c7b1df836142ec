#include "core/plan/numerics.h"

#include <cstdio>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "core/base/error.h"
#include "core/io/json_text.h"
#include "cpu_optim/optimizer.h"

namespace hlm {

const char* MasterName(const Numerics& n) { return n.compute == DType::kF32 ? "f32" : n.remainder ? "split" : "none"; }
const char* Exactness(const Numerics& n) {
  if (n.compute == DType::kBF16 && !n.remainder) return "weights rounded";
  return n.states == StateType::kF32 ? "exact" : "moments rounded";
}

Numerics ChooseNumerics(const Plan& plan, const MachineSpec& machine) {
  const PlanOptions& o = plan.options;
  Numerics n;
  n.compute = o.compute;
  n.micro_batch_tokens = plan.micro_tokens;
  n.head_chunk = o.head_chunk;
  n.grad_dtype = *o.grad_dtype;
  n.reduction_groups = o.reduction_groups;
  n.algorithm = o.optimizer;
  n.states = o.states;
  n.remainder = o.compute == DType::kBF16 && o.remainder;
  n.threads = o.threads;
  n.libraries = machine.libraries;
  n.train_pad_row = o.train_pad_row;
  n.router = plan.router;
  return n;
}

void AdoptNumerics(const Numerics& match, PlanOptions& options) {
  const bool rows = options.seq_len > 0 && match.micro_batch_tokens > 0 && match.micro_batch_tokens % options.seq_len == 0;
  if (options.micro_batch == 0 && rows) options.micro_batch = match.micro_batch_tokens / options.seq_len;
  if (options.sweeps == 0) options.sweeps = match.sweeps;
  if (options.reduction_groups == 0) options.reduction_groups = match.reduction_groups;
  if (options.balance < 0 && match.router.balance > 0) options.balance = match.router.balance;
  if (options.head_chunk == 0) options.head_chunk = match.head_chunk;
  if (!options.grad_dtype && match.compute == options.compute) options.grad_dtype = match.grad_dtype;
  if (options.threads == 0) options.threads = match.threads;
  options.train_pad_row = options.train_pad_row || match.train_pad_row;
  if (!options.update_path && !match.optimizer.empty()) {
    options.update_path = match.optimizer.rfind(Name(UpdatePath::kOneDnn), 0) == 0 ? UpdatePath::kOneDnn : UpdatePath::kFused;
  }
}

Numerics ParseNumerics(const std::string& text) {
  const JsonValue json = ParseJson(text, "numerics_json");
  if (!json.IsObject()) throw InvalidArgument("numerics_json is ", PrintableJson(json), "; it must be an object");
  const auto number = [&](const char* key, int64_t& to) {
    const JsonValue* value = json.Find(key);
    if (value == nullptr) return;
    if (!value->Int() || *value->Int() < 0)
      throw InvalidArgument("numerics_json: ", key, " is ", PrintableJson(*value), "; it must be a whole number from 0 on");
    to = *value->Int();
  };
  const auto words = [&](const char* key, std::string& to) {
    const JsonValue* value = json.Find(key);
    if (value == nullptr) return;
    if (!value->IsString()) throw InvalidArgument("numerics_json: ", key, " is ", PrintableJson(*value), "; it must be a string");
    to = value->String();
  };
  const auto choice = [&](const char* key, auto& to, const auto&... choices) {
    std::string name;
    words(key, name);
    const auto take = [&](const auto& one) {
      if (name == Name(one)) to = one;
      return name == Name(one);
    };
    if (!name.empty() && !(take(choices) || ...))
      throw InvalidArgument("numerics_json: ", key, " is ", Printable(name), ", which is unknown");
  };
  Numerics n;
  choice("compute", n.compute, DType::kF32, DType::kBF16);
  choice("grad_dtype", n.grad_dtype, DType::kF32, DType::kBF16);
  choice("algorithm", n.algorithm, Algorithm::kAdamW, Algorithm::kAdam, Algorithm::kSgd, Algorithm::kLion);
  choice("states", n.states, StateType::kF32, StateType::kBF16, StateType::kInt8);
  std::string master;
  words("master", master);
  n.remainder = master == "split";
  number("sweeps", n.sweeps);
  number("reduction_groups", n.reduction_groups);
  number("micro_batch_tokens", n.micro_batch_tokens);
  number("head_chunk", n.head_chunk);
  number("threads", n.threads);
  number("workspace_bytes", n.workspace_bytes);
  const auto real = [&](const char* key, double& to) {
    const JsonValue* value = json.Find(key);
    if (value == nullptr) return;
    if (!value->IsNumber() || !(value->Number() >= 0))
      throw InvalidArgument("numerics_json: ", key, " is ", PrintableJson(*value), "; it must be a number from 0 on");
    to = value->Number();
  };
  real("router_aux_loss_coef", n.router.balance);
  real("router_z_loss_coef", n.router.z);
  real("router_bias_rate", n.router.bias_rate);
  choice("router_aux_loss_scope", n.router.scope, BalanceScope::kStep, BalanceScope::kGroup, BalanceScope::kSequence);
  choice("unrouted", n.router.unrouted, Unrouted::kZero, Unrouted::kSkip);
  words("libraries", n.libraries);
  words("products", n.products);
  words("optimizer", n.optimizer);
  words("hash", n.hash);
  if (const JsonValue* row = json.Find("train_pad_row")) {
    if (!row->IsBool())
      throw InvalidArgument("numerics_json: train_pad_row is ", PrintableJson(*row), "; it must be true or false");
    n.train_pad_row = row->Bool();
  }
  return n;
}

std::string HashNumerics(const Numerics& n) {
  std::string text = StrCat(Name(n.compute), "|", n.sweeps, "|", n.micro_batch_tokens, "|", n.head_chunk, "|", Name(n.grad_dtype),
                            "|", Name(n.algorithm), "|", Name(n.states), "|", n.remainder, "|", n.threads, "|", n.libraries, "|",
                            n.products, "|", n.workspace_bytes, "|", n.optimizer);
  if (n.reduction_groups > 1) text += StrCat("|", n.reduction_groups);  // others keep the hashes that they always had
  if (n.train_pad_row) text += "|pad row";
  const RouterPlan& r = n.router;
  if (r.gradients()) text += StrCat("|balance ", r.balance, " by ", Name(r.scope), ", z ", r.z);
  if (r.changes_updates()) text += StrCat("|bias rate ", r.bias_rate, ", ", Name(r.unrouted));
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(XXH3_64bits(text.data(), text.size())));
  return digits;
}

}  // namespace hlm
