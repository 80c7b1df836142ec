#include "core/text/dataset/record_reader.h"

#include <algorithm>
#include <cstring>

#include "core/base/error.h"
#include "core/io/json_text.h"

namespace hlm::dataset {
namespace {

constexpr size_t kWindow = size_t{1} << 20;

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool StartsWith(std::string_view text, std::string_view with) { return text.substr(0, with.size()) == with; }

}  // namespace

bool HoldsPlainLines(const std::string& path) { return NameOfText(path).ends_with(".txt"); }

RecordReader::RecordReader(const std::string& path, int64_t most_record_bytes)
    : file_(path),
      shown_path_(PrintablePath(path)),
      most_bytes_(most_record_bytes),
      window_(kWindow),
      plain_(HoldsPlainLines(path)) {
  if (most_record_bytes < 1) throw InvalidArgument("max_record_bytes is ", most_record_bytes, "; it must be at least 1");
  constexpr size_t kFirstBytes = 8;  // that tell kinds of files apart
  while (end_ < kFirstBytes && Fill()) {
  }
  CheckKindOfFile();
  kept_ = at_;
}

std::string RecordReader::Where(int64_t line) const { return StrCat(shown_path_, ":", line); }

void RecordReader::CheckKindOfFile() {
  const std::string_view start(window_.data(), end_);
  if (StartsWith(start, "\xef\xbb\xbf")) at_ = 3;
  if (StartsWith(start, "\xff\xfe") || StartsWith(start, "\xfe\xff")) {
    const bool wide = StartsWith(start, std::string_view("\xff\xfe\0\0", 4));
    throw InvalidArgument(shown_path_, ":1: the file is UTF-", wide ? 32 : 16, " by its byte order mark; it must be UTF-8");
  }
  if (StartsWith(start, "\x1f\x8b") || StartsWith(start, "\x28\xb5\x2f\xfd")) {
    throw Unimplemented(shown_path_, ": is packed twice; unpack it once");
  }
  if (plain_) return;
  if (SkipSpace() == '[') {
    array_ = true;
    ++at_;
  }
}

bool RecordReader::Fill() {
  if (kept_ > 0) {
    std::memmove(window_.data(), window_.data() + kept_, end_ - kept_);
    at_ -= kept_, end_ -= kept_, kept_ = 0;
  }
  if (end_ == window_.size()) {
    // No larger than the largest record with the byte behind it, and the window that reads it.
    window_.resize(std::min(window_.size() * 2, static_cast<size_t>(most_bytes_) + 2 * kWindow));
  }
  const size_t bytes = file_.Read(window_.data() + end_, window_.size() - end_);
  end_ += bytes;
  return bytes > 0;
}

void RecordReader::Grow(int64_t record_line) {
  if (static_cast<int64_t>(end_ - kept_) > most_bytes_ + 1) {
    throw InvalidArgument(Where(record_line), ": a record of more than ", most_bytes_, " bytes, the limit (max_record_bytes)");
  }
}

int RecordReader::SkipSpace() {
  while (true) {
    for (; at_ < end_; ++at_) {
      if (!IsSpace(window_[at_])) return static_cast<unsigned char>(window_[at_]);
      line_ += window_[at_] == '\n';
    }
    kept_ = at_;
    if (!Fill()) return -1;
  }
}

bool RecordReader::Next(Record* out) {
  // A large record's window is given back; the next one is likely a small one.
  if (window_.size() > 16 * kWindow && end_ - at_ <= kWindow) {
    std::vector<char> smaller(2 * kWindow);
    std::memcpy(smaller.data(), window_.data() + at_, end_ - at_);
    end_ -= at_, at_ = 0, kept_ = 0;
    window_.swap(smaller);
  }
  kept_ = at_;
  return array_ ? NextElement(out) : NextLine(out);
}

bool RecordReader::NextLine(Record* out) {
  while (true) {
    size_t scanned = at_;
    kept_ = at_;
    const char* feed = nullptr;
    while (true) {
      feed = static_cast<const char*>(std::memchr(window_.data() + scanned, '\n', end_ - scanned));
      if (feed != nullptr) break;
      Grow(line_);
      const size_t length = end_ - kept_;
      if (!Fill()) break;
      scanned = kept_ + length;
    }
    const size_t begin = kept_;
    size_t end = feed != nullptr ? static_cast<size_t>(feed - window_.data()) : end_;
    at_ = feed != nullptr ? end + 1 : end_;
    const int64_t line = line_;
    line_ += feed != nullptr;
    size_t first = begin;
    if (plain_) {
      if (end > begin && window_[end - 1] == '\r') --end;
    } else {
      while (end > begin && IsSpace(window_[end - 1])) --end;
      while (first < end && IsSpace(window_[first])) ++first;
    }
    if (static_cast<int64_t>(end - first) > most_bytes_) {
      throw InvalidArgument(Where(line), ": a record of ", end - first, " bytes; the limit is ", most_bytes_,
                            " (max_record_bytes)");
    }
    if (first < end) {
      *out = {{window_.data() + first, end - first}, line, plain_};
      return true;
    }
    if (feed == nullptr) return false;
  }
}

bool RecordReader::NextElement(Record* out) {
  if (ended_) return false;
  int next = SkipSpace();
  if (!first_ && next == ',') {
    ++at_;
    next = SkipSpace();
    if (next == ']') throw InvalidArgument(Where(line_), ": not valid JSON: a comma before the end of the array");
  } else if (next == ']') {
    ++at_;
    ended_ = true;
    if (SkipSpace() >= 0) throw InvalidArgument(Where(line_), ": text behind the end of the array of records");
    return false;
  } else if (!first_ && next >= 0) {
    throw InvalidArgument(Where(line_), ": not valid JSON: a comma must stand between two records of an array");
  }
  if (next < 0) throw InvalidArgument(Where(line_), ": the file ends within the array of records");
  if (next != '{') throw InvalidArgument(Where(line_), ": an array of records holds something that is not an object");
  first_ = false;

  const int64_t line = line_;
  kept_ = at_;
  int64_t depth = 0;
  bool in_string = false, escaped = false;
  size_t i = at_;
  while (true) {
    for (; i < end_; ++i) {
      const char c = window_[i];
      line_ += c == '\n';
      if (in_string) {
        if (escaped) {
          escaped = false;
        } else if (c == '\\') {
          escaped = true;
        } else if (c == '"') {
          in_string = false;
        }
      } else if (c == '"') {
        in_string = true;
      } else if (c == '{' || c == '[') {
        ++depth;
      } else if ((c == '}' || c == ']') && --depth == 0) {
        at_ = i + 1;
        const std::string_view text(window_.data() + kept_, at_ - kept_);
        if (static_cast<int64_t>(text.size()) > most_bytes_) {
          throw InvalidArgument(Where(line), ": a record of ", text.size(), " bytes; the limit is ", most_bytes_,
                                " (max_record_bytes)");
        }
        *out = {text, line, false};
        return true;
      }
    }
    Grow(line);
    const size_t length = end_ - kept_;
    if (!Fill()) throw InvalidArgument(Where(line), ": the file ends within the record that begins here");
    i = kept_ + length;
  }
}

}  // namespace hlm::dataset
