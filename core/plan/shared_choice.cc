#include "core/plan/shared_choice.h"

#include <array>

#include "core/base/error.h"
#include "core/io/json_text.h"
#include "core/io/json_writer.h"
#include "core/plan/numerics.h"

namespace hlm {
namespace {

// Beside the numerics.
constexpr const char *kNumerics = "numerics", *kTiming = "optimizer_timing", *kRoute = "route", *kExperts = "experts_up",
                     *kPieces = "max_piece_bytes";

std::string TextOf(const JsonValue& choice, const char* key) {
  const JsonValue* value = choice.Find(key);
  HLM_CHECK(value != nullptr && value->IsString(), "a rank's choice has no ", key);
  return value->String();
}

template <class T, size_t kCount>
T OneOf(const std::string& name, const std::array<T, kCount>& choices) {
  for (const T& one : choices) {
    if (name == Name(one)) return one;
  }
  throw Internal("a rank chose ", Printable(name));
}

[[noreturn]] void Refuse(const std::string& key, const std::string& own, const std::string& other) {
  throw FailedPrecondition(
      key, " is ", own, " here and ", other,
      " in the plan of rank 0, whose choices are everybody's: the ranks need the same options and the same kind "
      "of device");
}

void CheckSame(const JsonValue& own, const JsonValue& other, const std::string& without) {
  for (const auto& [key, value] : own.Members()) {
    if (key == without) continue;
    const JsonValue* there = other.Find(key);
    const std::string mine = PrintableJson(value), theirs = there == nullptr ? "not set" : PrintableJson(*there);
    if (mine != theirs) Refuse(key, mine, theirs);
  }
  for (const auto& [key, value] : other.Members()) {
    if (key != without && own.Find(key) == nullptr) Refuse(key, "not set", PrintableJson(value));
  }
}

}  // namespace

std::string SharedChoice(const Plan& plan) {
  JsonWriter json;
  json.BeginObject();
  json.Member(kNumerics, NumericsJson(plan.numerics));
  json.Member(kTiming, Name(plan.timing));
  json.Member(kRoute, Name(plan.route));
  json.Member(kExperts, Name(plan.experts_up));
  json.Member(kPieces, plan.options.max_piece_bytes);
  json.EndObject();
  return json.Take();
}

PlanOptions AdoptChoice(const std::string& choice, const MachineSpec& machine, PlanOptions options) {
  const JsonValue json = ParseJson(choice, "a rank's choice");
  options.numerics = TextOf(json, kNumerics);
  const Numerics numerics = ParseNumerics(options.numerics);
  // Before anything is planned: products of another device would be timed again.
  if (numerics.libraries != machine.libraries) Refuse("libraries", machine.libraries, numerics.libraries);
  if (options.choose_states) options.states = numerics.states;
  if (options.choose_master) options.remainder = numerics.remainder || numerics.compute == DType::kF32;
  const Timing timing = OneOf(TextOf(json, kTiming), std::array{Timing::kNextForward, Timing::kBackward, Timing::kSerial});
  if (options.choose_timing) options.timing = timing;
  options.choose_states = options.choose_master = options.choose_timing = false;
  if (!options.route) options.route = OneOf(TextOf(json, kRoute), std::array{Route::kHost, Route::kPeer});
  if (!options.experts_up) options.experts_up = OneOf(TextOf(json, kExperts), std::array{ExpertsUp::kAll, ExpertsUp::kRouted});
  const JsonValue* pieces = json.Find(kPieces);
  HLM_CHECK(pieces != nullptr && pieces->Int(), "a rank's choice has no ", kPieces);
  if (options.max_piece_bytes == 0) options.max_piece_bytes = *pieces->Int();
  return options;
}

void CheckChoice(const Plan& own, const std::string& choice) {
  const std::string text = SharedChoice(own);
  if (text == choice) return;
  const JsonValue mine = ParseJson(text, "this rank's choice"), theirs = ParseJson(choice, "a rank's choice");
  CheckSame(ParseJson(TextOf(mine, kNumerics), "the numerics"), ParseJson(TextOf(theirs, kNumerics), "the numerics"), "hash");
  CheckSame(mine, theirs, kNumerics);
}

}  // namespace hlm
