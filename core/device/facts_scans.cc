// The facts of the recurrences of single channels.
#include "core/device/facts_builder.h"

namespace hlm {
namespace {

// Numbers that an element of a state costs a token, forward and backward; they come from memory that the processor is busy with
// anyway.
constexpr double kScanFlops = 6, kScanBackwardFlops = 20;

template <class Args>
void ScanReads(FactsBuilder& facts, const Args& a) {
  facts.Type(a.type).Sizes({a.tokens, a.channels, a.state_dim});
  facts.Docs(a.documents, a.tokens, "SelectiveScan.offsets", "SelectiveScan.host_offsets");
  const FactsBuilder::Lines lines{a.tokens, 1, a.channels, a.type}, shared{a.tokens, 1, a.state_dim, a.type};
  facts.Reads("SelectiveScan.x", a.x, lines);
  facts.Reads("SelectiveScan.dt", a.dt, lines);
  facts.Reads("SelectiveScan.b", a.b, shared);
  facts.Reads("SelectiveScan.c", a.c, shared);
  facts.Reads("SelectiveScan.a_log", a.a_log, Elements(a.channels * a.state_dim, a.type));
  facts.Reads("SelectiveScan.dt_bias", a.dt_bias, Elements(a.channels, a.type));
  facts.Reads("SelectiveScan.d", a.d, Elements(a.channels, a.type));
}

template <class Args>
FactsBuilder::Lines RecurrenceReads(FactsBuilder& facts, const Args& a) {
  facts.Type(a.type).Sizes({a.tokens, a.channels});
  facts.Docs(a.documents, a.tokens, "GatedRecurrence.offsets", "GatedRecurrence.host_offsets");
  const FactsBuilder::Lines lines{a.tokens, 1, a.channels, a.type};
  facts.Reads("GatedRecurrence.x", a.x, lines);
  facts.Reads("GatedRecurrence.input", a.input, lines);
  facts.Reads("GatedRecurrence.decay", a.decay, lines);
  facts.Reads("GatedRecurrence.rate", a.rate, Elements(a.channels, a.type));
  return lines;
}

double BlockFlops(int64_t tokens, int64_t heads, int64_t width) {
  return 2.0 * static_cast<double>(tokens) * static_cast<double>(heads) * static_cast<double>(width) * static_cast<double>(width);
}

}  // namespace

OpFacts FactsOf(const SelectiveScanArgs& a) {
  FactsBuilder facts("SelectiveScan");
  ScanReads(facts, a);
  facts.Writes("SelectiveScan.y", a.y, {a.tokens, 1, a.channels, a.type});
  return facts.Products(kScanFlops * static_cast<double>(a.tokens) * static_cast<double>(a.channels * a.state_dim));
}

OpFacts FactsOf(const SelectiveScanBackwardArgs& a) {
  FactsBuilder facts("SelectiveScanBackward");
  ScanReads(facts, a);
  const FactsBuilder::Lines lines{a.tokens, 1, a.channels, a.type}, shared{a.tokens, 1, a.state_dim, a.type};
  facts.Reads("SelectiveScanBackward.dy", a.dy, lines);
  facts.Writes("SelectiveScanBackward.dx", a.dx, lines);
  facts.Writes("SelectiveScanBackward.ddt", a.ddt, lines);
  facts.Writes("SelectiveScanBackward.db", a.db, shared);
  facts.Writes("SelectiveScanBackward.dc", a.dc, shared);
  facts.Writes("SelectiveScanBackward.da_log", a.da_log, Floats(a.channels * a.state_dim));
  facts.Writes("SelectiveScanBackward.ddt_bias", a.ddt_bias, Floats(a.channels));
  facts.Writes("SelectiveScanBackward.dd", a.dd, Floats(a.channels));
  return facts.Products(kScanBackwardFlops * static_cast<double>(a.tokens) * static_cast<double>(a.channels * a.state_dim));
}

OpFacts FactsOf(const GatedRecurrenceArgs& a) {
  FactsBuilder facts("GatedRecurrence");
  const FactsBuilder::Lines lines = RecurrenceReads(facts, a);
  facts.Writes("GatedRecurrence.y", a.y, lines);
  return facts.Moves();
}

OpFacts FactsOf(const GatedRecurrenceBackwardArgs& a) {
  FactsBuilder facts("GatedRecurrenceBackward");
  const FactsBuilder::Lines lines = RecurrenceReads(facts, a);
  facts.Reads("GatedRecurrenceBackward.dy", a.dy, lines);
  facts.Writes("GatedRecurrenceBackward.dx", a.dx, lines);
  facts.Writes("GatedRecurrenceBackward.dinput", a.dinput, lines);
  facts.Writes("GatedRecurrenceBackward.ddecay", a.ddecay, lines);
  facts.Writes("GatedRecurrenceBackward.drate", a.drate, Floats(a.channels));
  return facts.Moves();
}

OpFacts FactsOf(const BlockLinearArgs& a) {
  FactsBuilder facts("BlockLinear");
  facts.Type(a.type).Sizes({a.tokens, a.heads, a.width});
  const FactsBuilder::Lines lines{a.tokens, a.heads, a.width, a.type};
  facts.Reads("BlockLinear.x", a.x, lines);
  facts.Reads("BlockLinear.w", a.w, Elements(a.heads * a.width * a.width, a.type));
  facts.Reads("BlockLinear.bias", a.bias, Elements(a.heads * a.width, a.type));
  facts.Writes("BlockLinear.y", a.y, lines);
  return facts.Products(BlockFlops(a.tokens, a.heads, a.width));
}

OpFacts FactsOf(const BlockLinearBackwardArgs& a) {
  FactsBuilder facts("BlockLinearBackward");
  facts.Type(a.type).Sizes({a.tokens, a.heads, a.width});
  const FactsBuilder::Lines lines{a.tokens, a.heads, a.width, a.type};
  facts.Reads("BlockLinearBackward.x", a.x, lines);
  facts.Reads("BlockLinearBackward.dy", a.dy, lines);
  facts.Reads("BlockLinearBackward.w", a.w, Elements(a.heads * a.width * a.width, a.type));
  facts.MayRead("BlockLinearBackward.addend", a.addend, lines);
  facts.Writes("BlockLinearBackward.dx", a.dx, lines, {a.addend.data});
  facts.Writes("BlockLinearBackward.dw", a.dw, Floats(a.heads * a.width * a.width));
  facts.Writes("BlockLinearBackward.dbias", a.dbias, Floats(a.heads * a.width));
  return facts.Products(2 * BlockFlops(a.tokens, a.heads, a.width));
}

}  // namespace hlm
