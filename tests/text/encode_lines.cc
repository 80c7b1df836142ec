// encode_lines TOKENIZER.json TEXTS: for each line of TEXTS, a JSON string, prints one line of JSON with the ids with and without
// special tokens, offsets (bytes), the decoded text with and without special tokens, and what a stream of the ids decodes to. For
// differential.py.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "core/base/error.h"
#include "core/text/tokenizer/tokenizer.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    const auto tokenizer = hlm::Tokenizer::Open(argv[1]);
    std::ifstream texts(argv[2]);
    std::string line;
    while (std::getline(texts, line)) {
      nlohmann::json out;
      try {
        const std::string text = nlohmann::json::parse(line).get<std::string>();
        hlm::EncodeOptions options;
        options.offsets = true;
        options.trim_offsets = true;
        const hlm::Encoding whole = tokenizer->Encode(text, options);
        out["ids"] = whole.ids;
        for (const hlm::ByteSpan& span : whole.offsets) out["offsets"].push_back({span.begin, span.end});
        options.offsets = false;
        if (tokenizer->Encode(text, options).ids != whole.ids)
          throw std::runtime_error("ids depend on whether offsets are asked for");
        options.add_special_tokens = false;
        out["plain"] = tokenizer->Encode(text, options).ids;
        out["decoded"] = tokenizer->Decode(whole.ids, false);
        out["skipped"] = tokenizer->Decode(whole.ids, true);
        const auto stream = [&](bool skip) {
          hlm::StreamDecoder decoder(tokenizer, skip);
          std::string all;
          for (const int32_t id : whole.ids) all += decoder.Push(id);
          return all + decoder.Finish();
        };
        if (stream(false) != out["decoded"] || stream(true) != out["skipped"])
          throw std::runtime_error("a stream decodes to something else");
      } catch (const std::exception& error) {
        out = {{"error", error.what()}};
      }
      std::cout << out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
    }
  } catch (const hlm::Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
