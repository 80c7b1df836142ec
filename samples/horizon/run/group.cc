#include "samples/horizon/run/group.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <exception>

#include "samples/horizon/base/activity.h"

namespace horizon {
namespace {

// What became of a rank's work, in as many bytes for each.
struct Verdict {
  enum : int32_t { kFine = 0, kUsage = -1, kOther = -2 };
  int32_t code = kFine;  // or the library's
  char text[1020] = {};

  Verdict() = default;
  Verdict(int32_t failed, const char* what) : code(failed) { std::strncpy(text, what, sizeof(text) - 1); }
};

}  // namespace

Group::Group(const GroupOptions& options) {
  if (options.join == "none") return;
  hlm::GroupOptions own;
  own.timeout_seconds = options.timeout;
  own.silence_seconds = options.silence;
  own.several_per_machine = options.several_per_machine ? 1 : 0;
  own.carrier = options.carrier;
  const Activity waiting("waiting for the other processes");
  group_ = options.address.empty() ? hlm::Group::FromEnvironment(own)
                                   : hlm::Group::Connect(options.address, options.rank, options.size, own);
  if (size() == 1) group_ = {};
}

std::pair<int64_t, int64_t> Group::ShareOf(int64_t n, int64_t run) const {
  const auto border = [&](int64_t rank) { return std::min(n, (n + run - 1) / run * rank / size() * run); };
  return {border(rank()), border(rank() + 1)};
}

std::vector<char> Group::GatherBytes(const void* own, size_t bytes) const {
  std::vector<char> all(bytes * static_cast<size_t>(size()));
  Check(hlm_group_all_gather(group_.get(), own, bytes, all.data(), all.size()));
  return all;
}

void Group::Together(const std::function<void()>& work) const {
  if (!group_) return work();
  Verdict own;
  std::exception_ptr failure;
  try {
    work();
  } catch (const ApiError& error) {
    own = Verdict(error.code(), error.what());
    failure = std::current_exception();
  } catch (const UsageError& error) {
    own = Verdict(Verdict::kUsage, error.what());
    failure = std::current_exception();
  } catch (const std::exception& error) {
    own = Verdict(Verdict::kOther, error.what());
    failure = std::current_exception();
  }
  std::vector<char> all;
  try {
    all = GatherBytes(&own, sizeof(own));
  } catch (const std::exception&) {
    if (!failure) throw;
  }
  if (failure) std::rethrow_exception(failure);
  for (int64_t r = 0; r < size(); ++r) {
    Verdict one;
    std::memcpy(&one, all.data() + static_cast<size_t>(r) * sizeof(one), sizeof(one));
    if (one.code == Verdict::kFine) continue;
    const std::string text = "rank " + std::to_string(r) + ": " + one.text;
    if (one.code == Verdict::kUsage) throw UsageError(text);
    if (one.code == Verdict::kOther) throw Error(text);
    throw ApiError(one.code, text);
  }
}

void Group::FirstThenOthers(const std::function<void()>& work) const {
  if (!group_) return work();
  const auto nothing = [] {};
  Together(first() ? work : nothing);
  Together(first() ? nothing : work);
}

void Group::CheckSame(const Json& own) const {
  if (!group_) return;
  std::string text = own.dump();
  text.resize(static_cast<size_t>(Most(static_cast<int64_t>(text.size()))), ' ');
  const std::vector<char> all = GatherBytes(text.data(), text.size());
  const auto of = [&](int64_t r) {
    const char* begin = all.data() + static_cast<size_t>(r) * text.size();
    return Json::parse(begin, begin + text.size());
  };
  const Json first = of(0);
  for (int64_t r = 1; r < size(); ++r) {
    const Json theirs = of(r);
    for (const auto& [name, value] : first.items()) {
      const Json other = theirs.value(name, Json());
      if (other == value) continue;
      throw Error("the ranks do not do the same: " + name + " is " + other.dump() + " on rank " + std::to_string(r) + " and " +
                  value.dump() + " on rank 0");
    }
  }
}

int64_t Group::Most(int64_t own) const {
  if (!group_) return own;
  const std::vector<char> all = GatherBytes(&own, sizeof(own));
  for (int64_t r = 0; r < size(); ++r) {
    int64_t one = 0;
    std::memcpy(&one, all.data() + static_cast<size_t>(r) * sizeof(one), sizeof(one));
    own = std::max(own, one);
  }
  return own;
}

std::vector<double> Group::Gather(std::span<const double> own) const {
  std::vector<double> all(own.begin(), own.end());
  if (!group_) return all;
  all.resize(own.size() * static_cast<size_t>(size()));
  Check(hlm_group_all_gather(group_.get(), own.data(), own.size_bytes(), all.data(), all.size() * sizeof(double)));
  return all;
}

void Group::Merge(std::span<double> values) const {
  if (!group_) return;
  const std::vector<double> all = Gather(values);
  for (size_t i = 0; i < all.size(); ++i) {
    double& value = values[i % values.size()];
    if (std::isnan(value)) value = all[i];
  }
}

}  // namespace horizon
