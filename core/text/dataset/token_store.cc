#include "core/text/dataset/token_store.h"

#include <unistd.h>

#include <atomic>
#include <bit>
#include <cstring>
#include <utility>

#include "core/base/error.h"
#include "core/io/json_text.h"

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
      trained_window_(trained_),
      document_window_(documents_),
      sources_(StoredFile(folder + "/sources", kSources, sizeof(StoredSource)).ReadAll<StoredSource>()) {
  // Each file is whole by its checksum; that they are of one set is checked too.
  int64_t tokens = 0;
  for (int64_t d = 0; d < documents(); ++d) {
    const StoredDocument one = document(d);
    const bool fits =
        one.begin == tokens && one.length >= 0 && one.source >= 0 && static_cast<size_t>(one.source) < sources_.size();
    if (!fits) throw DataLoss(PrintablePath(folder), ": documents do not follow each other at token ", tokens);
    tokens += one.length;
  }
  if (tokens != ids_.count() || (tokens + 7) / 8 != trained_.count()) {
    throw DataLoss(PrintablePath(folder), ": ", tokens, " tokens of documents, ", ids_.count(), " ids and ", trained_.count(),
                   " bytes of masks");
  }
  const std::vector<char> account = StoredFile(folder + "/account", kAccount, 1).ReadAll<char>();
  account_ = Account::Read({account.data(), account.size()}, folder + "/account");
}

void TokenStore::ReadIds(int64_t begin, int64_t n, int32_t* out) const {
  if (!narrow_) return ids_.Read(begin, n, out);
  // They are read into the upper half of what they become, and grow from the front.
  auto* const narrow = reinterpret_cast<uint16_t*>(out) + n;
  ids_.Read(begin, n, narrow);
  for (int64_t t = 0; t < n; ++t) {
    uint16_t id;
    std::memcpy(&id, narrow + t, sizeof(id));
    out[t] = id;
  }
}

void TokenStore::ReadTrained(int64_t begin, int64_t n, std::vector<uint8_t>& out) const {
  out.resize(static_cast<size_t>(n));
  if (n == 0) return;
  const int64_t first = begin / 8, bytes = (begin + n - 1) / 8 + 1 - first;
  std::vector<uint8_t> bits(static_cast<size_t>(bytes));
  trained_.Read(first, bytes, bits.data());
  for (int64_t t = 0; t < n; ++t) {
    const int64_t token = begin + t;
    out[static_cast<size_t>(t)] = bits[static_cast<size_t>(token / 8 - first)] >> (token % 8) & 1;
  }
}

int64_t TokenStore::CountTrained(int64_t begin, int64_t end) const {
  int64_t count = 0;
  const auto bit = [&](int64_t token) { return trained_window_.At(token / 8) >> (token % 8) & 1; };
  while (begin < end && begin % 8 != 0) count += bit(begin++);
  for (; begin + 8 <= end; begin += 8) count += std::popcount(trained_window_.At(begin / 8));
  while (begin < end) count += bit(begin++);
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
    return file.ReadAll<float>();
  } catch (const Error& error) {
    if (error.code() == Code::kNotFound || error.code() == Code::kDataLoss) return std::nullopt;
    throw;
  }
}

}  // namespace hlm::dataset
