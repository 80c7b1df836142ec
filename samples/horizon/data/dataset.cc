#include "samples/horizon/data/dataset.h"

#include <algorithm>

#include "samples/horizon/base/activity.h"
#include "samples/horizon/base/error.h"
#include "samples/horizon/base/text.h"

namespace horizon {
namespace {

std::string Hexadecimal(uint64_t value) { return Format("%016llx", static_cast<unsigned long long>(value)); }

}  // namespace

Dataset::Dataset(const std::string& data_path, const std::string& labels_path, int64_t seq_len, int64_t vocab_size,
                 const TextReader& text)
    : ids_(data_path, text) {
  const Activity checking("reading " + data_path, BytesIn(data_path));
  if (ids_.size() == 0) throw Error(data_path + ": no ids in it");
  if (ids_.shape().size() == 2) {
    rows_ = ids_.shape()[0];
    row_tokens_ = stride_ = ids_.shape()[1];
    if (row_tokens_ < 2) throw Error(data_path + ": rows of 1 id predict nothing; at least 2 are needed");
  } else {
    rows_ = (ids_.size() - 1) / seq_len;
    if (rows_ == 0) {
      throw Error(data_path + ": only " + FormatCount(ids_.size(), "id") + ", too few for one row of --seq-len " +
                  std::to_string(seq_len) + ", which takes " + std::to_string(static_cast<uint64_t>(seq_len) + 1));
    }
    row_tokens_ = seq_len + 1;
    stride_ = seq_len;
  }
  hash_ = Hexadecimal(ids_.CheckIds(vocab_size));
  if (!labels_path.empty()) {
    labels_.emplace(labels_path);
    hash_ += Hexadecimal(CheckLabelFile(vocab_size));
  }
}

uint64_t Dataset::CheckLabelFile(int64_t vocab_size) const {
  const std::string& path = labels_->path();
  if (labels_->element() != Element::kInt32 && labels_->element() != Element::kInt64) {
    throw Error(path + ": labels are " + ElementName(labels_->element()) + "; they must be a .npy file of int32 or int64");
  }
  if (labels_->shape() != ids_.shape()) throw Error(path + ": its shape is not that of " + ids_.path());
  const uint64_t hash = labels_->CheckLabels(vocab_size, ids_.shape().back());

  std::vector<int32_t> row(static_cast<size_t>(row_tokens_));
  for (int64_t r = 0; r < rows_; ++r) {
    labels_->Copy(r * stride_, row);
    if (std::any_of(row.begin() + 1, row.end(), [](int32_t label) { return label != kIgnoredLabel; })) return hash;
  }
  throw Error(path + ": every label is -100, nothing is predicted");
}

void Dataset::Fill(std::span<const int64_t> rows, Batch& batch) const {
  const size_t row_tokens = static_cast<size_t>(row_tokens_);
  batch.ids.resize(rows.size() * row_tokens);
  batch.labels.resize(labels_ ? batch.ids.size() : 0);
  batch.offsets.assign(1, 0);
  batch.predictions = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    ids_.Copy(rows[i] * stride_, std::span(batch.ids).subspan(i * row_tokens, row_tokens));
    batch.offsets.push_back(static_cast<int64_t>((i + 1) * row_tokens));
    if (!labels_) {
      batch.predictions += row_tokens_ - 1;
      continue;
    }
    const std::span<int32_t> labels = std::span(batch.labels).subspan(i * row_tokens, row_tokens);
    labels_->Copy(rows[i] * stride_, labels);
    labels[0] = kIgnoredLabel;  // never used, and so never checked
    batch.predictions += std::count_if(labels.begin(), labels.end(), [](int32_t label) { return label != kIgnoredLabel; });
  }
}

}  // namespace horizon
