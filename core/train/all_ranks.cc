#include "core/train/all_ranks.h"

namespace hlm {

template <class Work>
auto AllRanks::Keeping(const Work& work) {
  try {
    return work();
  } catch (const Error& error) {
    if (error.code() == Code::kUnavailable) health_.Fail(error);
    throw;
  }
}

std::vector<std::string> AllRanks::Agree(const std::optional<Error>& own, const std::string& same, const std::string& payload) {
  return Keeping([&] { return hlm::Agree(*group_, own, same, payload); });
}

GroupBatch AllRanks::Gather(const Batch& batch, const std::optional<Error>& own, const std::string& same) {
  return Keeping([&] { return GroupBatch(*group_, batch, own, same); });
}

SaveRanks AllRanks::Savers() const {
  return {group_->rank(), group_->size(),
          [group = group_](const std::string& own) { return group->AllGather(ProcessGroup::kSaves, own); }};
}

}  // namespace hlm
