#include "core/save/save_ranks.h"

#include "core/base/error.h"

namespace hlm {

// All have written, or none has: rank 0 gets what each has to say of its files, and says whether the checkpoint has its name.
void FinishTogether(const SaveRanks& ranks, CheckpointWriter& writer, std::exception_ptr failed) {
  const auto said = [](const std::exception_ptr& error) -> std::string {
    try {
      std::rethrow_exception(error);
    } catch (const std::exception& what) {
      return what.what();
    }
  };
  constexpr char kFine = '+', kFailed = '-';
  std::string own;
  try {
    if (!failed) own = kFine + writer.Written();
  } catch (...) {
    failed = std::current_exception();
  }
  if (failed) own = kFailed + said(failed);
  std::vector<std::string> all = ranks.all_gather(own);
  if (failed) std::rethrow_exception(failed);
  for (size_t r = 0; r < all.size(); ++r) {
    if (all[r].front() == kFailed)
      throw Error(Code::kUnavailable, StrCat("rank ", r, " did not write its share: ", all[r].substr(1)));
    all[r].erase(0, 1);
  }
  if (ranks.rank == 0) {
    try {
      writer.Finish({all.begin() + 1, all.end()});
    } catch (...) {
      failed = std::current_exception();
    }
  }
  const std::string finished = ranks.all_gather(failed ? said(failed) : "").front();
  if (failed) std::rethrow_exception(failed);
  if (!finished.empty()) throw Error(Code::kUnavailable, StrCat("rank 0 did not finish the checkpoint: ", finished));
}

}  // namespace hlm
