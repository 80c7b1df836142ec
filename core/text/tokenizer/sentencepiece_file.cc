#include "core/text/tokenizer/sentencepiece_file.h"

#include <cmath>
#include <unordered_set>

#include "core/base/counted.h"
#include "core/base/error.h"
#include "core/base/utf8_text.h"
#include "core/io/json_text.h"
#include "core/text/tokenizer/wire_reader.h"

namespace hlm {
namespace {

using File = SentencePieceFile;

constexpr size_t kMostPieces = size_t{1} << 24;
constexpr size_t kLongestPiece = 4096;

// Field numbers: sentencepiece_model.proto.
File::Piece ReadPiece(WireReader reader) {
  File::Piece piece;
  while (reader.Next()) {
    switch (reader.field()) {
      case 1:
        piece.text = reader.Bytes();
        break;
      case 2:
        piece.score = reader.Float();
        break;
      case 3:
        piece.type = reader.Varint();
        break;
      default:
        break;
    }
  }
  return piece;
}

void ReadTrainer(WireReader reader, const std::string& where, File& file) {
  while (reader.Next()) {
    switch (reader.field()) {
      case 3:
        file.model_type = reader.Varint();
        break;
      case 24:
        if (reader.Bool()) throw Unimplemented(where, ": treat_whitespace_as_suffix");
        break;
      case 35:
        file.byte_fallback = reader.Bool();
        break;
      case 40:
        file.unk_id = reader.Varint();
        break;
      case 41:
        file.bos_id = reader.Varint();
        break;
      case 42:
        file.eos_id = reader.Varint();
        break;
      case 45:
        file.unk_piece = reader.Bytes();
        break;
      case 46:
        file.bos_piece = reader.Bytes();
        break;
      case 47:
        file.eos_piece = reader.Bytes();
        break;
      default:
        break;
    }
  }
}

void ReadNormalizer(WireReader reader, File& file) {
  while (reader.Next()) {
    switch (reader.field()) {
      case 2:
        file.charsmap = reader.Bytes();
        break;
      case 3:
        file.add_dummy_prefix = reader.Bool();
        break;
      case 4:
        file.remove_extra_whitespaces = reader.Bool();
        break;
      case 5:
        file.escape_whitespaces = reader.Bool();
        break;
      default:
        break;
    }
  }
}

void CheckPieces(const File& file, const std::string& where) {
  if (file.pieces.empty()) throw InvalidArgument(where, ": no pieces: this is no model of SentencePiece");
  std::unordered_set<std::string_view> seen;
  for (size_t i = 0; i < file.pieces.size(); ++i) {
    const File::Piece& piece = file.pieces[i];
    const auto bad = [&](const auto&... what) {
      throw InvalidArgument(where, ": piece ", i, " (\"", Printable(piece.text), "\") ", what...);
    };
    if (piece.text.empty()) bad("is empty");
    if (FirstInvalidUtf8(piece.text) != std::string_view::npos) bad("is not UTF-8");
    if (piece.text.size() > kLongestPiece) bad("has ", piece.text.size(), " bytes; the limit is ", kLongestPiece);
    if (!std::isfinite(piece.score)) bad("has a score that is not finite");
    if (piece.type < File::kNormal || piece.type > File::kByte) bad("is of type ", piece.type, "; types are 1 to 6");
    if (!seen.insert(piece.text).second) bad("is there twice");
  }
}

}  // namespace

bool LooksLikeSentencePiece(std::string_view bytes) {
  // Field 1, a message: the first piece. Ranks of tiktoken are lines of base64.
  return !bytes.empty() && bytes.front() == '\x0a';
}

SentencePieceFile ReadSentencePieceFile(std::string_view bytes, const std::string& where) {
  File file;
  for (WireReader reader(bytes, where); reader.Next();) {
    switch (reader.field()) {
      case 1:
        if (file.pieces.size() == kMostPieces) reader.Fail(StrCat("more than ", kMostPieces, " pieces"));
        file.pieces.push_back(ReadPiece(reader.Message()));
        break;
      case 2:
        ReadTrainer(reader.Message(), where, file);
        break;
      case 3:
        ReadNormalizer(reader.Message(), file);
        break;
      default:
        break;
    }
  }
  if (file.model_type != File::kUnigram && file.model_type != File::kBpe) {
    throw Unimplemented(where, ": the model type ", file.model_type, " of SentencePiece; Unigram (1) and BPE (2) are read");
  }
  CheckPieces(file, where);
  if (file.unk_id < 0 || file.unk_id >= static_cast<int64_t>(file.pieces.size())) {
    throw InvalidArgument(where, ": unk_id is ", file.unk_id, "; the file has ", Counted(file.pieces.size(), "piece"));
  }
  return file;
}

}  // namespace hlm
