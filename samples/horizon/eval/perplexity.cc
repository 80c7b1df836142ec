// horizon eval --task perplexity: nats a token and bits a byte of whole documents, in windows.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "samples/horizon/base/activity.h"
#include "samples/horizon/base/text.h"
#include "samples/horizon/data/json_lines.h"
#include "samples/horizon/data/packed_text.h"
#include "samples/horizon/data/data_file.h"
#include "samples/horizon/data/tokenizer.h"
#include "samples/horizon/eval/eval.h"
#include "samples/horizon/eval/score.h"

namespace horizon {
namespace {

// A document of n ids is cut into windows of W ids, each beginning S ids after the one before it. Every id but the first is
// scored once, in the first window that holds it, so it sees at least W - S ids before it (or all there are).
void AddWindows(const std::vector<int32_t>& ids, int64_t window, int64_t stride, Scorer& scorer) {
  const auto n = static_cast<int64_t>(ids.size());
  std::vector<int32_t> labels;
  int64_t scored = 1;
  for (int64_t begin = 0; scored < n; begin += stride) {
    const int64_t end = std::min(begin + window, n);
    labels.assign(ids.begin() + begin, ids.begin() + end);
    std::fill_n(labels.begin(), scored - begin, kIgnoredLabel);
    scorer.Add(std::span(ids).subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)), labels);
    scored = end;
  }
}

struct Total {
  double nats = 0;
  int64_t tokens = 0;
  int64_t documents = 0;
  int64_t bytes = 0;  // that the scored ids stand for
  bool has_bytes = true;
};

class Perplexity {
 public:
  Perplexity(const Model& model, const Options& options)
      : options_(options),
        vocab_size_(DescribeModel(model).at("vocab_size").get<int64_t>()),
        stride_(options.score.stride > 0 ? options.score.stride : options.shape.seq_len - 1),
        tokenizer_(options.text.tokenizer.empty() ? TokenizerOf(options.model) : Tokenizer::Open(options.text.tokenizer)),
        trainer_(MakeForwardTrainer(model, options)),
        scorer_(trainer_, options.shape.batch_size * options.shape.seq_len, [this](const Scored& one) {
          total_.nats -= one.sum;
          total_.tokens += one.tokens;
        }) {}

  Json Run() {
    const Activity scoring("scoring");
    const std::string& path = options_.data.data;
    if (path.ends_with(".npy")) {
      AddIds(path);
    } else if (NameOfText(path).ends_with(".txt")) {
      AddText(ReadWholeFile(path), path);
    } else {
      ForEachJsonLine(path, [&](const Json& record, const std::string& where) {
        if (!record.contains("text") || !record["text"].is_string()) throw Error(where + ": has no \"text\" that is a string");
        AddText(record["text"].get<std::string>(), where);
      });
    }
    scorer_.Finish();
    if (total_.tokens == 0) throw Error(path + ": no document of two ids: nothing is predicted");
    const double loss = NoSignOfNan(total_.nats / static_cast<double>(total_.tokens));
    Json line = {{"loss", loss},
                 {"perplexity", std::exp(loss)},
                 {"tokens", total_.tokens},
                 {"bits_per_byte", nullptr},
                 {"bytes", nullptr}};
    if (total_.has_bytes) {
      line["bits_per_byte"] = total_.nats / (std::log(2.0) * static_cast<double>(total_.bytes));
      line["bytes"] = total_.bytes;
    }
    line["documents"] = total_.documents;
    line["window"] = options_.shape.seq_len;
    line["stride"] = stride_;
    line["first_token"] = first_;
    return line;
  }

 private:
  void AddText(std::string_view text, const std::string& where) {
    std::vector<int32_t> ids;
    int64_t unscored = 0;  // bytes of the first id
    if (tokenizer_) {
      std::vector<int64_t> offsets;
      try {
        ids = EncodeWhole(tokenizer_, text, &offsets);
      } catch (const ApiError& error) {
        throw Error(where + ": " + error.what());
      }
      if (!ids.empty()) unscored = offsets[1];  // {0, 0} where the tokenizer put a token before the text
    } else {
      CheckBytes(options_.model, vocab_size_);
      for (const char byte : text) ids.push_back(static_cast<unsigned char>(byte));
      unscored = text.empty() ? 0 : 1;
    }
    if (ids.empty()) return;
    if (unscored > 0) first_ = "not scored";
    total_.bytes += static_cast<int64_t>(text.size()) - unscored;
    Add(ids, where);
  }

  void AddIds(const std::string& path) {
    const TokenFile file(path);
    file.CheckIds(vocab_size_);
    total_.has_bytes = false;
    first_ = "not scored";
    std::vector<int32_t> ids(static_cast<size_t>(file.shape().back()));
    for (int64_t at = 0; at < file.size(); at += file.shape().back()) {
      file.Copy(at, ids);
      Add(ids, path);
    }
  }

  void Add(const std::vector<int32_t>& ids, const std::string& where) {
    for (const int32_t id : ids) {
      if (id >= vocab_size_) {
        throw Error(where + ": id " + std::to_string(id) + " is outside the vocabulary [0, " + std::to_string(vocab_size_) + ")");
      }
    }
    ++total_.documents;
    AddWindows(ids, options_.shape.seq_len, stride_, scorer_);
  }

  const Options& options_;
  int64_t vocab_size_, stride_;
  Tokenizer tokenizer_;
  Trainer trainer_;
  Total total_;
  std::string first_ = "special";  // what a document begins with: a token of the tokenizer's, or one that has nothing before it
  Scorer scorer_;
};

}  // namespace

int RunPerplexity(const Options& options) {
  const int64_t window = options.shape.seq_len, stride = options.score.stride;
  if (window < 2) throw UsageError("--seq-len 1: a window of one id predicts nothing");
  if (stride >= window) {
    throw UsageError("--stride " + std::to_string(stride) + " is not below the window, --seq-len " + std::to_string(window) +
                     ": ids at the border would have nothing before them");
  }
  CheckOneDataFile(options);
  const Model model = OpenModel(options.model);
  const Json line = Perplexity(model, options).Run();
  if (options.json) {
    std::printf("%s\n", line.dump().c_str());
  } else {
    const std::string bits =
        line["bits_per_byte"].is_null() ? "" : Format(", %.4f bits a byte", line["bits_per_byte"].get<double>());
    std::printf("%.6f nats a token, perplexity %.4f%s over %s of %s (windows of %lld, stride %lld; first token: %s)\n",
                line["loss"].get<double>(), line["perplexity"].get<double>(), bits.c_str(),
                FormatCount(line["tokens"], "token").c_str(), FormatCount(line["documents"], "document").c_str(),
                static_cast<long long>(window), static_cast<long long>(line["stride"].get<int64_t>()),
                line["first_token"].get<std::string>().c_str());
  }
  return kExitOk;
}

}  // namespace horizon
