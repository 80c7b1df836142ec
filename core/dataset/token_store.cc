#include "core/dataset/token_store.h"

#include <unistd.h>

#include <atomic>
#include <bit>
#include <cstring>
#include <utility>

#include "core/base/error.h"
#include "core/model/json_text.h"

namespace hlm::dataset {
namespace {

constexpr uint32_t kIds = 1, kTrained = 2, kDocuments = 3, kSources = 4, kColumn = 5, kAccount = 6;
static_assert(sizeof(StoredDocument) == 40 && sizeof(StoredSource) == 48);

}  // namespace

TokenStoreWriter::TokenStoreWriter(std::string folder, bool narrow_ids, bool durable)
    : narrow_(narrow_ids),
      durable_(durable),
      ids_(folder + "/ids", kIds, narrow_ids ? 2 : 4, durable),
      trained_(folder + "/trained", kTrained, 1, durable),
      documents_(folder + "/documents", kDocuments, sizeof(StoredDocument), durable),
      folder_(std::move(folder)) {}

TokenStoreWriter::~TokenStoreWriter() = default;

void TokenStoreWriter::Append(const TokenDocument& document, StoredDocument about) {
  about.begin = tokens_;
  about.length = static_cast<int32_t>(document.ids.size());
  if (document.desirable) about.flags |= StoredDocument::kDesirable;
  documents_.Append(&about, sizeof(about));
  if (narrow_) {
    narrow_ids_.assign(document.ids.begin(), document.ids.end());
    ids_.Append(narrow_ids_.data(), narrow_ids_.size() * 2);
  } else {
    ids_.Append(document.ids.data(), document.ids.size() * 4);
  }
  bytes_.clear();
  for (const uint8_t trained : document.trained) {
    if (trained) open_bits_ |= static_cast<uint8_t>(1 << (tokens_ % 8));
    if (++tokens_ % 8 == 0) bytes_.push_back(std::exchange(open_bits_, uint8_t{0}));
  }
  trained_.Append(bytes_.data(), bytes_.size());
}

void TokenStoreWriter::Finish(std::span<const StoredSource> sources, const Account& account) {
  if (tokens_ % 8 != 0) trained_.Append(&open_bits_, 1);
  ids_.Finish();
  trained_.Finish();
  documents_.Finish();
  StoredFileWriter file(folder_ + "/sources", kSources, sizeof(StoredSource), durable_);
  file.Append(sources.data(), sources.size_bytes());
  file.Finish();
  JsonWriter json;
  account.Write(json);
  StoredFileWriter text(folder_ + "/account", kAccount, 1, durable_);
  text.Append(json.text().data(), json.text().size());
  text.Finish();
}

TokenStore::TokenStore(const std::string& folder, bool narrow_ids)
    : narrow_(narrow_ids),
      ids_(folder + "/ids", kIds, narrow_ids ? 2 : 4),
      trained_(folder + "/trained", kTrained, 1),
      documents_(folder + "/documents", kDocuments, sizeof(StoredDocument)),
      sources_(folder + "/sources", kSources, sizeof(StoredSource)),
      bits_(trained_.As<uint8_t>()) {
  // Each file is whole by its checksum; that they are of one set is checked too.
  int64_t tokens = 0;
  for (const StoredDocument& document : documents()) {
    const bool fits = document.begin == tokens && document.length >= 0 && document.source >= 0 &&
                      static_cast<size_t>(document.source) < sources().size();
    if (!fits) throw DataLoss(PrintablePath(folder), ": documents do not follow each other at token ", tokens);
    tokens += document.length;
  }
  if (tokens != ids_.count() || (tokens + 7) / 8 != trained_.count()) {
    throw DataLoss(PrintablePath(folder), ": ", tokens, " tokens of documents, ", ids_.count(), " ids and ", trained_.count(),
                   " bytes of masks");
  }
  const StoredFile account(folder + "/account", kAccount, 1);
  account_ = Account::Read({static_cast<const char*>(account.data()), static_cast<size_t>(account.count())}, folder + "/account");
}

void TokenStore::ReadIds(int64_t begin, int64_t n, int32_t* out) const {
  if (narrow_) {
    const uint16_t* ids = static_cast<const uint16_t*>(ids_.data()) + begin;
    for (int64_t t = 0; t < n; ++t) out[t] = ids[t];
  } else {
    std::memcpy(out, static_cast<const int32_t*>(ids_.data()) + begin, static_cast<size_t>(n) * sizeof(int32_t));
  }
}

int64_t TokenStore::CountTrained(int64_t begin, int64_t end) const {
  int64_t count = 0;
  while (begin < end && begin % 8 != 0) count += IsTrained(begin++);
  for (; begin + 8 <= end; begin += 8) count += std::popcount(bits_[static_cast<size_t>(begin / 8)]);
  while (begin < end) count += IsTrained(begin++);
  return count;
}

void WriteColumn(const std::string& folder, const std::string& name, std::span<const float> values) {
  static std::atomic<int> written{0};
  const std::string path = StrCat(folder, "/column-", name);
  const std::string beside = StrCat(path, ".", getpid(), "-", written.fetch_add(1));
  try {
    StoredFileWriter file(beside, kColumn, sizeof(float));
    file.Append(values.data(), values.size_bytes());
    file.Finish();
    Rename(beside, path);
  } catch (...) {
    unlink(beside.c_str());
    throw;
  }
  SyncFolder(folder);
}

std::optional<std::vector<float>> ReadColumn(const std::string& folder, const std::string& name, int64_t count) {
  try {
    const StoredFile file(StrCat(folder, "/column-", name), kColumn, sizeof(float));
    if (file.count() != count) return std::nullopt;
    const std::span<const float> values = file.As<float>();
    return std::vector<float>(values.begin(), values.end());
  } catch (const Error& error) {
    if (error.code() == Code::kNotFound || error.code() == Code::kDataLoss) return std::nullopt;
    throw;
  }
}

}  // namespace hlm::dataset
