#include "core/text/tokenizer/tokenizer.h"

#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

#include "c_api/check.h"
#include "c_api/internal.h"
#include "core/base/counted.h"
#include "core/base/utf8_text.h"
#include "core/io/json_text.h"

namespace hlm::capi {
namespace {

hlm_encode_options Defaults() { return {sizeof(hlm_encode_options), 1, HLM_OFFSETS_BYTES, nullptr, 0, 0, 0, 0, 0}; }

std::string_view ReadText(const char* text, size_t n_text, const char* name) {
  CheckBuffer(text, n_text, 1, name);
  return {text == nullptr ? "" : text, n_text};
}

std::vector<ByteSpan> ReadPlain(const hlm_encode_options& options) {
  const std::span<const int64_t> ends = Buffer(options.plain, options.n_plain, "plain");
  if (ends.size() % 2 != 0) throw InvalidArgument("n_plain is ", ends.size(), "; spans are two numbers each");
  std::vector<ByteSpan> spans;
  for (size_t i = 0; i < ends.size(); i += 2) spans.push_back({ends[i], ends[i + 1]});
  return spans;
}

// For each byte of a text and its end, how many units lie before it.
std::vector<int64_t> UnitsBefore(std::string_view text, int32_t unit) {
  std::vector<int64_t> before(text.size() + 1);
  int64_t units = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t length = Utf8Length(text[at]);
    for (size_t i = 0; i < length; ++i) before[at + i] = units;
    units += unit == HLM_OFFSETS_UTF16 && length == 4 ? 2 : 1;
    at += length;
  }
  before[text.size()] = units;
  return before;
}

void WriteOffsets(const Encoding& encoding, std::string_view text, int32_t unit, int64_t* out) {
  if (unit == HLM_OFFSETS_BYTES) {
    for (const ByteSpan& span : encoding.offsets) {
      *out++ = span.begin;
      *out++ = span.end;
    }
    return;
  }
  const std::vector<int64_t> before = UnitsBefore(text, unit);
  for (const ByteSpan& span : encoding.offsets) {
    *out++ = before[static_cast<size_t>(span.begin)];
    *out++ = before[static_cast<size_t>(span.end)];
  }
}

void HandOut(const std::string& text, char** out_text, size_t* out_n_text) {
  *out_text = CopyString(text);
  if (out_n_text != nullptr) *out_n_text = text.size();
}

}  // namespace
}  // namespace hlm::capi

using namespace hlm::capi;  // NOLINT: the functions below are this file's purpose

extern "C" {

hlm_error* hlm_tokenizer_open(const char* path, hlm_tokenizer** out_tokenizer) {
  return Guard([&] {
    const std::string name = NotEmpty(path, "path");
    NotNull(out_tokenizer, "out_tokenizer");
    *out_tokenizer = new hlm_tokenizer{hlm::Tokenizer::Open(name)};
  });
}

hlm_error* hlm_tokenizer_describe(const hlm_tokenizer* tokenizer, char** out_json) {
  return Guard([&] {
    NotNull(tokenizer, "tokenizer");
    NotNull(out_json, "out_json");
    *out_json = CopyString(tokenizer->tokenizer->Describe());
  });
}

void hlm_encode_options_init_sized(hlm_encode_options* options, size_t struct_size) {
  InitStruct(options, struct_size, Defaults());
}

hlm_error* hlm_tokenizer_encode(const hlm_tokenizer* tokenizer, const char* text, size_t n_text,
                                const hlm_encode_options* options, int32_t* ids, size_t n_ids, int64_t* offsets, size_t n_offsets,
                                size_t* out_n_ids) {
  return Guard([&] {
    NotNull(tokenizer, "tokenizer");
    const std::string_view whole = ReadText(text, n_text, "text");
    const hlm_encode_options given = ReadStruct(options, Defaults());
    CheckEnum(given.offsets_in, "offsets_in",
              {{HLM_OFFSETS_BYTES, "BYTES"}, {HLM_OFFSETS_CHARACTERS, "CHARACTERS"}, {HLM_OFFSETS_UTF16, "UTF16"}});
    Buffer(ids, n_ids, "ids");
    Buffer(offsets, n_offsets, "offsets");
    if (offsets != nullptr && n_offsets / 2 < n_ids) {
      throw hlm::InvalidArgument("n_offsets is ", n_offsets, "; the begin and end of ", hlm::Counted(n_ids, "id"), " take ",
                                 2 * n_ids);
    }
    NotNull(out_n_ids, "out_n_ids");
    const std::vector<hlm::ByteSpan> plain = ReadPlain(given);
    hlm::EncodeOptions own;
    own.add_special_tokens = ReadBool(given.add_special_tokens, "add_special_tokens");
    own.offsets = offsets != nullptr;
    own.trim_offsets = ReadBool(given.trim_offsets, "trim_offsets");
    own.plain = plain;
    own.plain_added = ReadBool(given.plain_added, "plain_added");
    own.one_beginning = ReadBool(given.one_beginning, "one_beginning");
    if (given.reserved != 0) throw hlm::InvalidArgument("reserved is ", given.reserved, "; it must be 0");
    const hlm::Encoding encoding = tokenizer->tokenizer->Encode(whole, own);
    if (n_ids != 0) {
      if (encoding.ids.size() > n_ids) {
        throw hlm::OutOfRange("the text has ", hlm::Counted(encoding.ids.size(), "id"), "; there is room for ", n_ids);
      }
      if (offsets != nullptr) WriteOffsets(encoding, whole, given.offsets_in, offsets);
      std::memcpy(ids, encoding.ids.data(), encoding.ids.size() * sizeof(int32_t));
    }
    *out_n_ids = encoding.ids.size();
  });
}

hlm_error* hlm_tokenizer_decode(const hlm_tokenizer* tokenizer, const int32_t* ids, size_t n_ids, int32_t skip_special_tokens,
                                char** out_text, size_t* out_n_text) {
  return Guard([&] {
    NotNull(tokenizer, "tokenizer");
    const std::span<const int32_t> all = Buffer(ids, n_ids, "ids");
    NotNull(out_text, "out_text");
    HandOut(tokenizer->tokenizer->Decode(all, ReadBool(skip_special_tokens, "skip_special_tokens")), out_text, out_n_text);
  });
}

hlm_error* hlm_tokenizer_token(const hlm_tokenizer* tokenizer, int32_t id, char** out_text, size_t* out_n_text) {
  return Guard([&] {
    NotNull(tokenizer, "tokenizer");
    NotNull(out_text, "out_text");
    const auto text = tokenizer->tokenizer->TokenText(id);
    if (!text) throw hlm::NotFound("no token has the id ", id, "; the largest is ", tokenizer->tokenizer->MaxId());
    HandOut(*text, out_text, out_n_text);
  });
}

hlm_error* hlm_tokenizer_id(const hlm_tokenizer* tokenizer, const char* token, size_t n_token, int32_t* out_id) {
  return Guard([&] {
    NotNull(tokenizer, "tokenizer");
    const std::string_view text = ReadText(token, n_token, "token");
    NotNull(out_id, "out_id");
    const auto id = tokenizer->tokenizer->TokenId(text);
    if (!id) throw hlm::NotFound("no token is spelled \"", hlm::Printable(text), "\"");
    *out_id = *id;
  });
}

void hlm_tokenizer_destroy(hlm_tokenizer* tokenizer) { delete tokenizer; }

hlm_error* hlm_decoder_create(const hlm_tokenizer* tokenizer, int32_t skip_special_tokens, hlm_decoder** out_decoder) {
  return Guard([&] {
    NotNull(tokenizer, "tokenizer");
    const bool skip = ReadBool(skip_special_tokens, "skip_special_tokens");
    NotNull(out_decoder, "out_decoder");
    *out_decoder = new hlm_decoder(tokenizer->tokenizer, skip);
  });
}

hlm_error* hlm_decoder_push(hlm_decoder* decoder, const int32_t* ids, size_t n_ids, char** out_text, size_t* out_n_text) {
  return Guard([&] {
    NotNull(decoder, "decoder");
    const std::span<const int32_t> all = Buffer(ids, n_ids, "ids");
    NotNull(out_text, "out_text");
    const Use use(decoder->in_use, "the decoder");
    std::string text;
    for (const int32_t id : all) text += decoder->decoder.Push(id);
    HandOut(text, out_text, out_n_text);
  });
}

hlm_error* hlm_decoder_finish(hlm_decoder* decoder, char** out_text, size_t* out_n_text) {
  return Guard([&] {
    NotNull(decoder, "decoder");
    NotNull(out_text, "out_text");
    const Use use(decoder->in_use, "the decoder");
    HandOut(decoder->decoder.Finish(), out_text, out_n_text);
  });
}

void hlm_decoder_destroy(hlm_decoder* decoder) { delete decoder; }

}  // extern "C"
