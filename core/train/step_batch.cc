#include "core/train/step_batch.h"

#include <algorithm>

#include "core/device/hand_over.h"
#include "core/layers/rotary_table.h"

namespace hlm {

void StepBatch::Fill(const Pass& pass) {
  filled_ = pass.Fill(memory_.data(), layout_);
  DeclareAccess(device_.race_checker(), memory_.data(), filled_, true, "batch on the host");
  FillTables(pass);
  if (pass.tokens.entropy_weights.empty()) return;
  DeclareAccess(device_.race_checker(), At(layout_.entropy_weights), pass.tokens.entropy_weights.size() * sizeof(float), true,
                "entropy weights on the host");
}

void StepBatch::FillTables(const Pass& pass) {
  if (pass.long_documents.lengths() == made_) return;  // batches of rows that are all full have the same lengths
  DeclareAccess(device_.race_checker(), memory_.data() + layout_.total, static_cast<size_t>(tables_.total), true,
                "rotary tables on the host");
  const auto put = [&](int64_t offset, int64_t row, const std::vector<float>& table) {
    std::copy(table.begin(), table.end(), At(layout_.total + offset) + row);
  };
  for (const LengthRows& rows : pass.long_documents.lengths()) {
    for (size_t r = 0; r < spec_.ropes.size(); ++r) {
      put(tables_.offsets[r], rows.first * spec_.ropes[r].dim, MakeRotaryTable(spec_.ropes[r], rows.length, rows.length));
    }
    for (size_t t = 0; t < spec_.temperatures.size(); ++t) {
      put(tables_.temperatures[t], rows.first, MakeTemperatureTable(spec_.temperatures[t], rows.length));
    }
  }
  made_ = pass.long_documents.lengths();
}

}  // namespace hlm
