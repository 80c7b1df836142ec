// tokenizer_bench TOKENIZER.json TEXT...: seconds of CPU time to load, and MB/s of one thread for each text, in documents of 2 kB as people
// have them; cold (each document once, an empty cache) and warm. Also a megabyte of one letter.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/base/utf8_text.h"
#include "core/text/tokenizer/tokenizer.h"

namespace {

// Of this thread's work: what else runs on the machine takes time, not this.
double Seconds() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

std::vector<std::string> Documents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream all;
  all << file.rdbuf();
  const std::string text = all.str();
  std::vector<std::string> documents;
  for (size_t begin = 0; begin < text.size();) {
    size_t end = std::min(begin + 2000, text.size());
    while (end < text.size() && hlm::IsContinuation(text[end])) ++end;
    documents.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return documents;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  try {
    double load = 1e9;
    std::shared_ptr<const hlm::Tokenizer> tokenizer;
    for (int i = 0; i < 3; ++i) {
      const double begin = Seconds();
      tokenizer = hlm::Tokenizer::Open(argv[1]);
      load = std::min(load, Seconds() - begin);
    }
    std::printf("load %.3f s, %lld tokens\n", load, static_cast<long long>(tokenizer->VocabSize()));
    for (int i = 2; i < argc; ++i) {
      const std::vector<std::string> documents = Documents(argv[i]);
      const auto fresh = hlm::Tokenizer::Open(argv[1]);
      double cold = 0, warm = 1e9;
      size_t bytes = 0, ids = 0;
      for (int round = 0; round < 4; ++round) {
        bytes = ids = 0;
        const double begin = Seconds();
        for (const std::string& document : documents) {
          ids += fresh->Encode(document).ids.size();
          bytes += document.size();
        }
        const double seconds = Seconds() - begin;
        round == 0 ? cold = seconds : warm = std::min(warm, seconds);
      }
      std::printf("%s: %.2f MB, %.2f bytes an id, cold %.1f MB/s, warm %.1f MB/s\n", argv[i], static_cast<double>(bytes) / 1e6,
                  static_cast<double>(bytes) / static_cast<double>(ids), static_cast<double>(bytes) / 1e6 / cold,
                  static_cast<double>(bytes) / 1e6 / warm);
    }
    const std::string letters(1 << 20, 'a');
    const double begin = Seconds();
    const size_t ids = tokenizer->Encode(letters).ids.size();
    std::printf("1 MiB of one letter: %.3f s, %zu ids\n", Seconds() - begin, ids);
  } catch (const hlm::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
