#include "core/train/group_batch.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/checked.h"

namespace hlm {
namespace {

// Values of one process on its way to another of the same build: in memory's own form.
class Writer {
 public:
  template <class T>
  void Put(const T& value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  template <class T>
  void PutAll(std::span<const T> values) {
    Put(static_cast<int64_t>(values.size()));
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  }
  void PutText(const std::string& text) { PutAll(std::span<const char>(text)); }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(const std::string& bytes) : bytes_(bytes) {}
  template <class T>
  T Get() {
    T value;
    Copy(&value, sizeof(value));
    return value;
  }
  template <class T>
  std::vector<T> GetAll() {
    const int64_t n = Get<int64_t>();
    HLM_CHECK(n >= 0 && static_cast<size_t>(n) <= (bytes_.size() - at_) / sizeof(T), n, " elements of a rank");
    std::vector<T> values(static_cast<size_t>(n));
    Copy(values.data(), values.size() * sizeof(T));
    return values;
  }
  std::string GetText() {
    const std::vector<char> text = GetAll<char>();
    return {text.begin(), text.end()};
  }

 private:
  void Copy(void* to, size_t bytes) {
    HLM_CHECK(bytes <= bytes_.size() - at_, bytes, " bytes of a rank");
    if (bytes > 0) std::memcpy(to, bytes_.data() + at_, bytes);
    at_ += bytes;
  }
  const std::string& bytes_;
  size_t at_ = 0;
};

// The rank's own values, or what their absence means.
template <class T, class Missing>
void Append(std::vector<T>& all, bool some, const std::vector<T>& own, size_t n, const Missing& missing) {
  if (!some) return;
  for (size_t i = 0; i < n; ++i) all.push_back(own.empty() ? missing(i) : own[i]);
}

// Of two lists of entries those that differ; all of them where they are not the same things.
std::pair<std::string, std::string> Differing(const std::string& a, const std::string& b) {
  const auto entries = [](const std::string& text) {
    std::vector<std::string> all;
    for (size_t begin = 0; begin <= text.size();) {
      const size_t end = std::min(text.find(", ", begin), text.size());
      all.push_back(text.substr(begin, end - begin));
      begin = end + 2;
    }
    return all;
  };
  const std::vector<std::string> of_a = entries(a), of_b = entries(b);
  if (of_a.size() != of_b.size()) return {a, b};
  std::string only_a, only_b;
  for (size_t i = 0; i < of_a.size(); ++i) {
    if (of_a[i] == of_b[i]) continue;
    only_a += (only_a.empty() ? "" : ", ") + of_a[i];
    only_b += (only_b.empty() ? "" : ", ") + of_b[i];
  }
  return {only_a, only_b};
}

}  // namespace

std::vector<std::string> Agree(ProcessGroup& group, const std::optional<Error>& own, const std::string& same,
                               const std::string& payload) {
  Writer writer;
  writer.Put(static_cast<int32_t>(own ? own->code() : Code::kOk));
  writer.PutText(own ? own->message() : same);
  writer.PutText(own ? "" : payload);
  const std::vector<std::string> all = group.AllGather(ProcessGroup::kCalls, writer.Take());
  if (own) throw *own;
  std::vector<std::string> payloads;
  std::string first;
  for (size_t r = 0; r < all.size(); ++r) {
    Reader reader(all[r]);
    const Code code = static_cast<Code>(reader.Get<int32_t>());
    const std::string text = reader.GetText();
    if (code != Code::kOk) throw Error(code, StrCat("rank ", r, ": ", text));
    if (r == 0) first = text;
    if (text != first) {
      const auto [theirs, of_first] = Differing(text, first);
      throw FailedPrecondition("the ranks do not do the same: rank ", r, " is at ", theirs, ", rank 0 at ", of_first);
    }
    payloads.push_back(reader.GetText());
  }
  return payloads;
}

GroupBatch::GroupBatch(ProcessGroup& group, const Batch& own, const std::optional<Error>& own_error, const std::string& same)
    : denominator_(own.denominator), temperature_(own.temperature) {
  Writer writer;
  std::optional<Error> error = own_error ? own_error : own.refused;
  const auto per_id = [&](size_t n, const char* name) {
    if (n != 0 && n != own.ids.size() && !error)
      error = InvalidArgument("n_", name, " is ", n, "; it must be n_ids, ", own.ids.size(), ", or 0");
  };
  per_id(own.labels.size(), "labels");
  per_id(own.weights.size(), "weights");
  per_id(own.entropy_weights.size(), "entropy_weights");
  if (!own.ids.empty() && own.offsets.size() < 2 && !error) {
    error = InvalidArgument("n_offsets is ", own.offsets.size(), "; it must be documents + 1, at least 2");
  }
  if (!error) {
    writer.PutAll(own.ids);
    writer.PutAll(own.ids.empty() ? std::span<const int64_t>() : own.offsets.subspan(1));
    writer.PutAll(own.labels);
    writer.PutAll(own.weights);
    writer.PutAll(own.entropy_weights);
  }
  const std::string said = StrCat(same, ", denominator ", own.denominator, ", temperature ", own.temperature);
  struct Share {
    std::vector<int32_t> ids, labels;
    std::vector<int64_t> ends;
    std::vector<float> weights, entropy_weights;
  };
  std::vector<Share> shares;
  bool labels = false, weights = false, entropies = false;
  for (const std::string& bytes : Agree(group, error, said, writer.Take())) {
    Reader reader(bytes);
    Share share;
    share.ids = reader.GetAll<int32_t>();
    share.ends = reader.GetAll<int64_t>();
    share.labels = reader.GetAll<int32_t>();
    share.weights = reader.GetAll<float>();
    share.entropy_weights = reader.GetAll<float>();
    labels = labels || !share.labels.empty();
    weights = weights || !share.weights.empty();
    entropies = entropies || !share.entropy_weights.empty();
    shares.push_back(std::move(share));
  }
  for (const Share& share : shares) {
    const size_t n = share.ids.size();
    const int64_t begin = static_cast<int64_t>(ids_.size());
    ids_.insert(ids_.end(), share.ids.begin(), share.ids.end());
    for (const int64_t end : share.ends) offsets_.push_back(CheckedAdd(begin, end));
    Append(labels_, labels, share.labels, n, [&](size_t i) { return share.ids[i]; });
    Append(weights_, weights, share.weights, n, [](size_t) { return 1.0f; });
    Append(entropy_weights_, entropies, share.entropy_weights, n, [](size_t) { return 0.0f; });
  }
}

Batch GroupBatch::batch() const {
  return {.ids = ids_,
          .offsets = offsets_,
          .labels = labels_,
          .weights = weights_,
          .denominator = denominator_,
          .entropy_weights = entropy_weights_,
          .temperature = temperature_};
}

template <class T>
std::vector<T> GatherArray(ProcessGroup& group, std::span<const T> own, const char* name, bool wanted) {
  Writer writer;
  writer.Put(wanted);
  writer.PutAll(own);
  std::vector<T> all;
  std::optional<size_t> without;
  const std::vector<std::string> shares = Agree(group, std::nullopt, name, writer.Take());
  for (size_t r = 0; r < shares.size(); ++r) {
    Reader reader(shares[r]);
    const bool should = reader.Get<bool>();
    const std::vector<T> values = reader.GetAll<T>();
    if (should && values.empty() && !without) without = r;
    all.insert(all.end(), values.begin(), values.end());
  }
  if (!all.empty() && without) throw InvalidArgument("rank ", *without, " gives no ", name, ", and other ranks do");
  return all;
}

template std::vector<float> GatherArray(ProcessGroup&, std::span<const float>, const char*, bool);
template std::vector<double> GatherArray(ProcessGroup&, std::span<const double>, const char*, bool);
template std::vector<int32_t> GatherArray(ProcessGroup&, std::span<const int32_t>, const char*, bool);

}  // namespace hlm
