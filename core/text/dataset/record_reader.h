// Reads the records of a JSONL file, or of a JSON array, one after the other, packed by gzip or zstd or not. The file may be far
// larger than memory: one record and a window of a megabyte are all that is held.
#ifndef HORIZON_LM_CORE_TEXT_DATASET_RECORD_READER_H_
#define HORIZON_LM_CORE_TEXT_DATASET_RECORD_READER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/dataset/text_file.h"
#include "core/io/json_value.h"

namespace hlm::dataset {

inline constexpr int64_t kMostRecordBytes = int64_t{256} << 20;  // of one record, by default
inline constexpr int64_t kMostRecordValues = int64_t{1} << 24;   // of one record: a parsed value takes some 40 bytes

struct Record {
  std::string_view text;  // valid until the next call
  int64_t line = 0;       // where it begins, from 1
  bool plain = false;     // the text is no JSON: it is the record's "text"
};

// A .txt file (.txt.gz, .txt.zst): each of its lines that is not empty is a text, with its white space.
bool HoldsPlainLines(const std::string& path);

class RecordReader {
 public:
  // A file whose first character is '[' is one array of records; any other has a record a line, empty lines being skipped. A
  // byte order mark of UTF-8 and carriage returns before line feeds are no part of a record. INVALID_ARGUMENT for UTF-16; the rest as
  // TextFile has it.
  explicit RecordReader(const std::string& path, int64_t most_record_bytes = kMostRecordBytes);

  // False at the end. INVALID_ARGUMENT, naming file and line, for a record above the limit and for an array that is damaged; DATA_LOSS
  // for packed data that are.
  bool Next(Record* out);

  // "file:line", for messages.
  std::string Where(int64_t line) const;

 private:
  bool Fill();  // more bytes behind the window; false at the end of the file
  void Grow(int64_t record_line);
  // The next byte that is no white space, -1 at the end; it is not taken.
  int SkipSpace();
  bool NextLine(Record* out);
  bool NextElement(Record* out);
  void CheckKindOfFile();

  TextFile file_;
  std::string shown_path_;
  int64_t most_bytes_;
  std::vector<char> window_;
  size_t at_ = 0, end_ = 0;  // what of the window is still to be read
  size_t kept_ = 0;          // where the record begins that is being read; bytes from here on are not dropped
  int64_t line_ = 1;
  bool plain_ = false, array_ = false, first_ = true, ended_ = false;
};

// Refuses, with a message that begins with `where`, what no string can hold and what a tree of values has no room for: bytes that
// are not UTF-8, NUL, more than kMostRecordValues values.
void CheckRecordText(std::string_view text, const std::string& where);

// Its value. INVALID_ARGUMENT beginning with `where` for what CheckRecordText refuses and for what is no JSON.
JsonValue ParseRecord(const Record& record, const std::string& where);

}  // namespace hlm::dataset

#endif  // HORIZON_LM_CORE_TEXT_DATASET_RECORD_READER_H_
