#include "samples/horizon/data/packed_text.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "samples/horizon/base/error.h"

namespace horizon {
namespace {

constexpr size_t kPiece = size_t{256} << 10;
constexpr std::string_view kGzip = "\x1f\x8b", kZstd = "\x28\xb5\x2f\xfd", kZstdSkipped = "\x2a\x4d\x18";

std::string FirstBytes(const DataFile& file) {
  std::string start(std::min<size_t>(file.size(), 4), '\0');
  file.ReadAt(0, start.data(), start.size());
  return start;
}

bool IsZstd(std::string_view start) {
  return start == kZstd || (start.size() == 4 && (start[0] & 0xf0) == 0x50 && start.substr(1) == kZstdSkipped);
}

// A text that is made longer piece by piece, up to a limit.
class Text {
 public:
  Text(const DataFile& file, size_t most) : file_(file), most_(most) {}

  void Append(const char* piece, size_t bytes) {
    if (bytes > most_ - text_.size()) {
      throw Error(file_.path() + ": its text has more than " + std::to_string(most_) +
                  " bytes, the most that is unpacked here; unpack it, or make JSONL of it, which --task reads in pieces");
    }
    text_.append(piece, bytes);
  }
  Error Damaged(size_t at, const std::string& why) const {
    return Error(file_.path() + ": cannot be unpacked behind byte " + std::to_string(at) + " of " + std::to_string(file_.size()) +
                 ": " + why);
  }
  std::string Take() { return std::move(text_); }

 private:
  const DataFile& file_;
  size_t most_;
  std::string text_;
};

void UnpackGzip(const DataFile& file, Text& text) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> open(gzopen(file.path().c_str(), "rbe"), gzclose);
  if (open == nullptr) throw Error(file.path() + ": cannot be opened");
  std::vector<char> piece(kPiece);
  while (true) {
    const int bytes = gzread(open.get(), piece.data(), static_cast<unsigned>(piece.size()));
    if (bytes > 0) text.Append(piece.data(), static_cast<size_t>(bytes));
    int failure = Z_OK;
    std::string_view why = gzerror(open.get(), &failure);
    if (why.starts_with(file.path() + ": ")) why.remove_prefix(file.path().size() + 2);  // it is said already
    if (failure != Z_OK && failure != Z_STREAM_END) {
      const auto at = static_cast<size_t>(std::max<z_off_t>(gzoffset(open.get()), 0));
      throw text.Damaged(at, failure == Z_BUF_ERROR ? "the file ends within its gzip data" : std::string(why));
    }
    if (bytes <= 0) return;
  }
}

void UnpackZstd(const DataFile& file, Text& text) {
  const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  if (context == nullptr) throw std::bad_alloc();
  std::vector<char> packed(kPiece), piece(kPiece);
  size_t wanted = 0;
  for (size_t at = 0; at < file.size();) {
    ZSTD_inBuffer in{packed.data(), std::min(packed.size(), file.size() - at), 0};
    file.ReadAt(at, packed.data(), in.size);
    at += in.size;
    // A full piece may not have been all of it.
    for (bool more = true; in.pos < in.size || more;) {
      ZSTD_outBuffer out{piece.data(), piece.size(), 0};
      wanted = ZSTD_decompressStream(context.get(), &out, &in);
      if (ZSTD_isError(wanted)) throw text.Damaged(at - in.size + in.pos, ZSTD_getErrorName(wanted));
      text.Append(piece.data(), out.pos);
      more = out.pos == out.size && wanted != 0;
    }
  }
  if (wanted != 0) throw text.Damaged(file.size(), "the file ends within its zstd data");
}

}  // namespace

std::string_view NameOfText(std::string_view path) {
  for (const std::string_view ending : {".gz", ".zst"}) {
    if (path.ends_with(ending)) return path.substr(0, path.size() - ending.size());
  }
  return path;
}

bool IsPacked(const DataFile& file) {
  const std::string start = FirstBytes(file);
  return start.starts_with(kGzip) || IsZstd(start);
}

std::string Unpack(const DataFile& file, size_t most) {
  Text text(file, most);
  IsZstd(FirstBytes(file)) ? UnpackZstd(file, text) : UnpackGzip(file, text);
  return text.Take();
}

}  // namespace horizon
