// A tokenized data set on disk: a folder of arrays, written once and read by position.
//
//   ids        all tokens, one document behind the other: uint16 where the vocabulary has at most 65536 ids, else int32
//   trained    one bit a token, the lowest bit of a byte first
//   documents  one StoredDocument each
//   sources    one StoredSource each
//   account    what was dropped, left unused or repaired: an Account as JSON
//   column-*   float32 columns that were appended later, as reference log-probabilities
#ifndef HORIZON_LM_CORE_TEXT_DATASET_TOKEN_STORE_H_
#define HORIZON_LM_CORE_TEXT_DATASET_TOKEN_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/text/dataset/account.h"
#include "core/text/dataset/stored_file.h"
#include "core/text/dataset/tokenize.h"

namespace hlm::dataset {

struct StoredDocument {
  int64_t begin = 0;      // its first token's place in ids
  int64_t line = 0;       // of its record in its file
  uint64_t identity = 0;  // a hash of its record's text
  int32_t length = 0;
  int32_t source = 0;
  int32_t file = 0;    // of the source's files
  uint32_t flags = 0;  // kDesirable; kContinues: of the same record as the document before
  static constexpr uint32_t kDesirable = 1, kContinues = 2;
};

struct StoredSource {
  int64_t records = 0, bad = 0, empty = 0, turn_order = 0, untrained = 0;  // read; and of these, not used and why
  int32_t format = 0;
  int32_t files = 0;
};

class TokenStoreWriter {
 public:
  // `durable`: Finish waits until all of it is on the medium.
  TokenStoreWriter(std::string folder, bool narrow_ids, bool durable);
  ~TokenStoreWriter();

  void Append(const TokenDocument& document, StoredDocument about);
  void Finish(std::span<const StoredSource> sources, const Account& account);

 private:
  bool narrow_, durable_;
  int64_t tokens_ = 0;
  uint8_t open_bits_ = 0;  // of the last byte of `trained`, which is not full
  StoredFileWriter ids_, trained_, documents_;
  std::string folder_;
  std::vector<uint16_t> narrow_ids_;
  std::vector<uint8_t> bytes_;
};

// One thread at a time.
class TokenStore {
 public:
  // DATA_LOSS naming the file where something is damaged or does not fit together; NOT_FOUND where it is not there.
  TokenStore(const std::string& folder, bool narrow_ids);

  int64_t documents() const { return documents_.count(); }
  // Cheap where the next one asked for is not far behind.
  StoredDocument document(int64_t i) const { return document_window_.At(i); }
  std::span<const StoredSource> sources() const { return sources_; }
  const Account& account() const { return account_; }
  int64_t tokens() const { return ids_.count(); }

  void ReadIds(int64_t begin, int64_t n, int32_t* out) const;
  // 1 for each token that is trained.
  void ReadTrained(int64_t begin, int64_t n, std::vector<uint8_t>& out) const;
  // Cheap for ranges that rise.
  int64_t CountTrained(int64_t begin, int64_t end) const;

 private:
  bool narrow_;
  StoredFile ids_, trained_, documents_;
  mutable StoredWindow<uint8_t> trained_window_;
  mutable StoredWindow<StoredDocument> document_window_;
  std::vector<StoredSource> sources_;
  Account account_;
};

// Replaces the column of this name; it is there whole or not at all.
void WriteColumn(const std::string& folder, const std::string& name, std::span<const float> values);
// Nothing where there is none of this name and length, or it is damaged.
std::optional<std::vector<float>> ReadColumn(const std::string& folder, const std::string& name, int64_t count);

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_TOKEN_STORE_H_
