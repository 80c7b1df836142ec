// AllRanks: the process group as a trainer speaks to it. Where this process is alone nobody is asked, and nobody told.
#ifndef HORIZON_LM_CORE_TRAIN_ALL_RANKS_H_
#define HORIZON_LM_CORE_TRAIN_ALL_RANKS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/group/group.h"
#include "core/save/save_ranks.h"
#include "core/train/group_batch.h"
#include "core/train/health.h"
#include "core/train/batch_cut.h"

namespace hlm {

class AllRanks {
 public:
  // `group`: null, or of one process: alone.
  AllRanks(ProcessGroup* group, Health& health)
      : group_(group != nullptr && group->size() > 1 ? group : nullptr), health_(health) {}

  ProcessGroup* group() const { return group_; }
  bool alone() const { return group_ == nullptr; }
  Ranks ranks() const { return alone() ? Ranks{} : Ranks{group_->rank(), group_->size()}; }
  int64_t rank() const { return ranks().rank; }

  // All go on, or none does: see Agree and GroupBatch. Where the group has failed the trainer has. Not alone.
  std::vector<std::string> Agree(const std::optional<Error>& own, const std::string& same, const std::string& payload = "");
  GroupBatch Gather(const Batch& batch, const std::optional<Error>& own, const std::string& same);
  std::vector<std::string> Gather(const std::string& own) const { return group_->AllGather(ProcessGroup::kCalls, own); }

  // Work that all do together: where it fails here the others are told.
  template <class Work>
  void Together(const Work& work);

  // What a save that all write needs.
  SaveRanks Savers() const;

 private:
  // The error of a group that has failed is kept.
  template <class Work>
  auto Keeping(const Work& work);

  ProcessGroup* const group_;
  Health& health_;
};

template <class Work>
void AllRanks::Together(const Work& work) {
  try {
    work();
  } catch (const Error& error) {
    // Before anything is waited for here: the others must not wait for this one meanwhile.
    if (!alone()) group_->GiveUp(StrCat(CodeName(error.code()), ": ", error.message()));
    throw;
  } catch (...) {
    if (!alone()) group_->GiveUp("out of memory");
    throw;
  }
}

}  // namespace hlm

#endif  // HORIZON_LM_CORE_TRAIN_ALL_RANKS_H_
