#include "core/text/dataset/text_file.h"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <new>
#include <vector>

#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/io/json_text.h"

namespace hlm::dataset {
namespace {

constexpr size_t kPieceBytes = size_t{256} << 10;  // of the packed file, in memory at a time
constexpr int kWindowLog = 27;
static_assert(size_t{1} << kWindowLog == TextFile::kMostWindowBytes);

constexpr std::string_view kGzip = "\x1f\x8b", kZstd = "\x28\xb5\x2f\xfd", kZstdSkipped = "\x2a\x4d\x18";

bool IsZstd(std::string_view start) {
  // A frame, or one to be skipped (50 to 5f 2a 4d 18), with which parallel compressors begin.
  return start.starts_with(kZstd) || (start.size() >= 4 && (start[0] & 0xf0) == 0x50 && start.substr(1, 3) == kZstdSkipped);
}

void RefuseOtherKinds(std::string_view start, const std::string& path) {
  constexpr std::pair<std::string_view, const char*> kOthers[] = {
      {"BZh", "bzip2"}, {std::string_view("\xfd\x37zXZ\0", 6), "xz"}, {"\x04\x22\x4d\x18", "lz4"}, {"PK\x03\x04", "zip"}};
  for (const auto& [magic, name] : kOthers) {
    if (!start.starts_with(magic)) continue;
    throw Unimplemented(PrintablePath(path), ": is packed by ", name, "; gzip and zstd are read");
  }
  // An Arrow stream, as `datasets` saves it, begins with a message: a mark, and its length.
  const bool stream = path.ends_with(".arrow") && start.starts_with("\xff\xff\xff\xff");
  if (start.starts_with("PAR1")) throw NeedsPyArrow(path, "Parquet");
  if (start.starts_with("ARROW1") || stream) throw NeedsPyArrow(path, "Arrow");
}

}  // namespace

std::string_view NameOfText(std::string_view path) {
  for (const std::string_view ending : {".gz", ".zst"}) {
    if (path.ends_with(ending)) return path.substr(0, path.size() - ending.size());
  }
  return path;
}

Error NeedsPyArrow(const std::string& path, const char* what) {
  return Unimplemented(PrintablePath(path), ": is ", what, ", which the Python package reads where pyarrow is installed: ",
                       "horizonlm.Dataset.of(path), or horizonlm.write_jsonl(path, \"records.jsonl\") for every other reader");
}

// Takes the packed file in pieces, gives the text.
class TextFile::Unpacker {
 public:
  Unpacker(const InputFile& file, const char* kind) : file_(file), kind_(kind), piece_(kPieceBytes) {}
  virtual ~Unpacker() = default;

  size_t Read(void* to, size_t bytes) {
    while (true) {
      const bool ended = at_ == end_ && !Fill();
      const size_t got = Step(to, bytes);  // at the end as well: text may wait in the decoder
      text_bytes_ += static_cast<int64_t>(got);
      if (got > 0) return got;
      if (!ended) continue;
      if (!Within()) return 0;
      throw DataLoss(PrintablePath(file_.path()), ": its ", kind_, " data are cut short: the file ends at byte ", Position(),
                     ", behind ", Counted(text_bytes_, "byte"), " of text");
    }
  }

 protected:
  // Moves at_ on and gives up to `bytes` of text, possibly none.
  virtual size_t Step(void* to, size_t bytes) = 0;
  // More of the file must follow.
  virtual bool Within() const = 0;

  Error Damaged(const char* why) const {
    return DataLoss(PrintablePath(file_.path()), ": its ", kind_, " data are damaged at byte ", Position(), ", behind ",
                    Counted(text_bytes_, "byte"), " of text: ", why);
  }

  std::vector<unsigned char>& piece() { return piece_; }
  const InputFile& file() const { return file_; }
  size_t at_ = 0, end_ = 0;  // what of the piece is still to be unpacked

 private:
  bool Fill() {
    const int64_t left = file_.size() - position_;
    at_ = 0;
    end_ = static_cast<size_t>(std::min<int64_t>(left, static_cast<int64_t>(piece_.size())));
    if (end_ == 0) return false;
    file_.ReadAt(position_, piece_.data(), end_);
    position_ += static_cast<int64_t>(end_);
    return true;
  }
  int64_t Position() const { return position_ - static_cast<int64_t>(end_ - at_); }

  const InputFile& file_;
  const char* kind_;
  std::vector<unsigned char> piece_;
  int64_t position_ = 0, text_bytes_ = 0;
};

namespace {

class Gzip final : public TextFile::Unpacker {
 public:
  explicit Gzip(const InputFile& file) : Unpacker(file, "gzip") {
    constexpr int kGzipOnly = 16 + MAX_WBITS;
    if (inflateInit2(&stream_, kGzipOnly) != Z_OK) throw std::bad_alloc();
  }
  ~Gzip() override { inflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

 private:
  size_t Step(void* to, size_t bytes) override {
    if (!within_) {
      // Behind a member: another one, or nothing; tapes and blocks are filled up with zeros.
      while (at_ < end_ && piece()[at_] == 0) ++at_;
      if (at_ == end_) return 0;
      if (piece()[at_] != 0x1f) throw Damaged("something follows that is no gzip");
      inflateReset(&stream_);
      within_ = true;
    }
    const size_t room = std::min<size_t>(bytes, UINT_MAX / 2);
    stream_.next_in = piece().data() + at_;
    stream_.avail_in = static_cast<uInt>(end_ - at_);
    stream_.next_out = static_cast<Bytef*>(to);
    stream_.avail_out = static_cast<uInt>(room);
    const int result = inflate(&stream_, Z_NO_FLUSH);
    at_ = end_ - stream_.avail_in;
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    const size_t made = room - stream_.avail_out;
    if (result == Z_STREAM_END) {
      within_ = false;
    } else if (result != Z_OK && result != Z_BUF_ERROR && made == 0) {  // with text before the damage it is told the next time
      throw Damaged(stream_.msg != nullptr ? stream_.msg : "it asks for a dictionary");
    }
    return made;
  }
  bool Within() const override { return within_; }

  z_stream stream_{};
  bool within_ = true;  // a member
};

class Zstd final : public TextFile::Unpacker {
 public:
  explicit Zstd(const InputFile& file) : Unpacker(file, "zstd"), context_(ZSTD_createDCtx()) {
    if (context_ == nullptr) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, kWindowLog);
  }
  ~Zstd() override { ZSTD_freeDCtx(context_); }
  Zstd(const Zstd&) = delete;
  Zstd& operator=(const Zstd&) = delete;

 private:
  size_t Step(void* to, size_t bytes) override {
    if (!within_ && at_ == end_) return 0;
    ZSTD_inBuffer in{piece().data(), end_, at_};
    ZSTD_outBuffer out{to, bytes, 0};
    const size_t wanted = ZSTD_decompressStream(context_, &out, &in);
    if (ZSTD_isError(wanted)) {
      const ZSTD_ErrorCode code = ZSTD_getErrorCode(wanted);
      if (code == ZSTD_error_memory_allocation) throw std::bad_alloc();
      if (code == ZSTD_error_frameParameter_windowTooLarge) {
        throw ResourceExhausted(PrintablePath(file().path()), ": its zstd data look back over more than ",
                                TextFile::kMostWindowBytes, " bytes, the limit; pack it with --long=27 at most");
      }
      throw Damaged(ZSTD_getErrorName(wanted));
    }
    at_ = in.pos;
    within_ = wanted != 0;
    return out.pos;
  }
  bool Within() const override { return within_; }

  ZSTD_DCtx* context_;
  bool within_ = true;  // a frame
};

}  // namespace

TextFile::TextFile(const std::string& path) : file_(path) {
  char bytes[8];
  const size_t n = static_cast<size_t>(std::min<int64_t>(file_.size(), sizeof(bytes)));
  file_.ReadAt(0, bytes, n);
  const std::string_view start(bytes, n);
  if (start.starts_with(kGzip)) {
    unpacker_ = std::make_unique<Gzip>(file_);
  } else if (IsZstd(start)) {
    unpacker_ = std::make_unique<Zstd>(file_);
  } else if (NameOfText(path) != path) {
    throw InvalidArgument(PrintablePath(path), ": its name ends in .gz or .zst, but it begins as neither gzip nor zstd do");
  } else {
    RefuseOtherKinds(start, path);
  }
}

TextFile::~TextFile() = default;

size_t TextFile::Read(void* to, size_t bytes) {
  if (unpacker_ != nullptr) return unpacker_->Read(to, bytes);
  const auto n = static_cast<size_t>(std::min<int64_t>(file_.size() - position_, static_cast<int64_t>(bytes)));
  if (n > 0) file_.ReadAt(position_, to, n);
  position_ += static_cast<int64_t>(n);
  return n;
}

}  // namespace hlm::dataset
