#include "core/train/step_batch.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "core/base/error.h"
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

void StepBatch::GatherLosses(const Pass& pass, ProcessGroup& group, ProcessGroup::Channel channel) {
  std::vector<float*> arrays = {At(layout_.losses)};
  if (pass.has_entropies()) arrays.push_back(At(layout_.entropies));
  if (pass.wants_best) arrays.push_back(At(layout_.best));
  const auto each_run = [&](int64_t rank, const auto& work) {
    for (float* array : arrays) {
      for (int64_t sum = 0; sum < pass.cut.sums(); ++sum) {
        const auto [begin, end] = pass.cut.TokensOf(sum, rank);
        work(array + begin, static_cast<size_t>(end - begin));
      }
    }
  };
  std::string own;
  each_run(pass.cut.ranks().rank,
           [&](float* run, size_t n) { own.append(reinterpret_cast<const char*>(run), n * sizeof(float)); });
  const std::vector<std::string> all = group.AllGather(channel, own);
  for (int64_t rank = 0; rank < pass.cut.ranks().size; ++rank) {
    if (rank == pass.cut.ranks().rank) continue;
    const std::string& theirs = all[static_cast<size_t>(rank)];
    size_t at = 0;
    each_run(rank, [&](float* run, size_t n) {
      HLM_CHECK(at + n * sizeof(float) <= theirs.size(), "losses of rank ", rank);
      std::memcpy(run, theirs.data() + at, n * sizeof(float));
      at += n * sizeof(float);
    });
  }
}

}  // namespace hlm
