// horizon train as several processes: the run of one, with one log, one report and one saved model; who is asked to end, who fails and who
// is lost concerns all. Other commands are the work of one.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/samples/examples_support.h"
#include "tests/samples/support.h"

namespace horizon_test {
namespace {

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  const bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0 &&
                     getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  close(fd);
  return bound ? ntohs(address.sin_port) : 0;
}

// The command once for each rank, found by torchrun's variables.
class Ranks {
 public:
  Ranks(int64_t count, const std::function<Words(int64_t rank)>& arguments) {
    static int runs = 0;
    const std::string run = std::to_string(++runs), port = std::to_string(FreePort());
    // All of them first: making them writes the files that a process reads.
    std::vector<Words> all;
    for (int64_t rank = 0; rank < count; ++rank) all.push_back(With({"samples/horizon/horizon"}, arguments(rank)));
    for (int64_t rank = 0; rank < count; ++rank) {
      const std::string name = "rank-" + run + "-" + std::to_string(rank);
      outputs_.push_back(Scratch(name + ".out"));
      errors_.push_back(Scratch(name + ".err"));
      WriteFile(outputs_.back(), "");
      WriteFile(errors_.back(), "");
      std::vector<char*> argv;
      for (std::string& word : all[static_cast<size_t>(rank)]) argv.push_back(word.data());
      argv.push_back(nullptr);
      const pid_t pid = fork();
      if (pid == 0) {
        setenv("RANK", std::to_string(rank).c_str(), 1);
        setenv("WORLD_SIZE", std::to_string(count).c_str(), 1);
        setenv("LOCAL_WORLD_SIZE", std::to_string(count).c_str(), 1);
        setenv("MASTER_ADDR", "127.0.0.1", 1);
        setenv("MASTER_PORT", port.c_str(), 1);
        if (freopen(outputs_.back().c_str(), "w", stdout) == nullptr || freopen(errors_.back().c_str(), "w", stderr) == nullptr)
          _exit(126);
        execv(argv[0], argv.data());
        _exit(127);
      }
      pids_.push_back(pid);
    }
  }
  ~Ranks() {
    for (const pid_t pid : pids_) {
      if (pid <= 0) continue;
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
  }
  pid_t pid(int64_t rank) const { return pids_[static_cast<size_t>(rank)]; }
  // Until rank 0, with --json, has told of a step; a minute at most.
  void AwaitStep() const {
    for (int tries = 0; tries < 600 && ReadFile(outputs_[0]).find("\"step\"") == std::string::npos; ++tries)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }

  Result End(int64_t rank) {
    const size_t r = static_cast<size_t>(rank);
    int status = 0;
    waitpid(pids_[r], &status, 0);
    pids_[r] = -1;
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), ReadFile(outputs_[r]), ReadFile(errors_[r])};
  }
  std::vector<Result> Ends() {
    std::vector<Result> results;
    for (size_t r = 0; r < pids_.size(); ++r) results.push_back(End(static_cast<int64_t>(r)));
    return results;
  }

 private:
  std::vector<pid_t> pids_;
  Words outputs_, errors_;
};

// Units of several gradient chunks, which the processes divide among themselves.
std::string WideConfig() {
  const std::string path = Scratch("wide.json");
  WriteFile(path, R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 128,
    "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 1100,
    "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": false, "initializer_range": 0.05})");
  return path;
}

Words Common(const Words& more) {
  return With({"train", "--config", WideConfig(), "--device", "cpu", "--threads", "1", "--reduction-groups", "4", "--batch-size",
               "8", "--lr", "1e-3", "--group-several-per-machine", "--group-timeout", "100"},
              more);
}

Words RowWords(const Words& more) {
  return Common(With({"--data", WriteRows("rows.npy", 16, SomeIds(16 * 44)), "--eval-data",
                      WriteRows("held.npy", 16, SomeIds(16 * 9)), "--steps", "7", "--eval-every", "3"},
                     more));
}

// Of examples, whose units are small.
Words TaskWords(const std::string& task, const std::string& model, const std::string& data, const Words& more) {
  const Words given = {"train", "--task", task, "--config", model + "/config.json", "--tokenizer", model, "--data", data};
  return With(With(given, {"--device", "cpu", "--threads", "1", "--reduction-groups", "2", "--batch-size", "4", "--seq-len", "96",
                           "--group-several-per-machine", "--group-timeout", "100"}),
              more);
}

void ExpectFine(const std::vector<Result>& results) {
  for (size_t r = 0; r < results.size(); ++r) EXPECT_EQ(results[r].status, 0) << "rank " << r << ": " << results[r].err;
}

Words Replaced(Words words, const std::string& option, const std::string& value) {
  for (size_t w = 0; w + 1 < words.size(); ++w) {
    if (words[w] == option) words[w + 1] = value;
  }
  return words;
}

Words AsFolder(const std::string& folder) {
  Words files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    files.push_back(entry.path().filename().string() + "\n" + ReadFile(entry.path().string()));
  }
  std::sort(files.begin(), files.end());
  return files;
}

TEST(GroupTest, SeveralProcessesAreTheRunOfOne) {
  const Words own = {"--log-json", Scratch("one.json"), "--out", Scratch("one")};
  const Result alone = Horizon(RowWords(own));
  ASSERT_EQ(alone.status, 0) << alone.err;
  for (const auto& [processes, states] : {std::pair{2, "sharded"}, {4, "auto"}, {2, "replicate"}}) {
    SCOPED_TRACE(std::to_string(processes) + " " + states);
    const std::string name = "of" + std::to_string(processes) + states, log = Scratch(name + ".json"), out = Scratch(name);
    Ranks ranks(processes, [&, states = states](int64_t) {
      return RowWords({"--log-json", log, "--out", out, "--report", Scratch("r.html"), "--process-states", states});
    });
    const std::vector<Result> results = ranks.Ends();
    ExpectFine(results);
    EXPECT_EQ(Curve(log), Curve(Scratch("one.json")));
    EXPECT_EQ(AsFolder(out), AsFolder(Scratch("one")));
    EXPECT_NE(results[0].out.find("step 7/7"), std::string::npos) << results[0].out;
    EXPECT_NE(results[0].out.find(std::to_string(processes) + " processes"), std::string::npos) << results[0].out;
    for (size_t r = 1; r < results.size(); ++r) EXPECT_EQ(results[r].out + results[r].err, "") << "rank " << r;
  }
}

// ExampleModel with experts, whose routers' balancing loss is a large share of the whole.
std::string MixtureModel() {
  const std::string folder = Scratch("mixture-model");
  std::filesystem::remove_all(folder);
  std::filesystem::copy(ExampleModel(), folder);
  WriteFile(folder + "/config.json",
            R"({"architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "hidden_act": "silu", "hidden_size": 32,
    "intermediate_size": 64, "moe_intermediate_size": 16, "num_experts": 4, "num_experts_per_tok": 2, "decoder_sparse_step": 1,
    "norm_topk_prob": true, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8, "vocab_size": 1024,
    "max_position_embeddings": 256, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": false, "mlp_only_layers": [],
    "initializer_range": 0.05, "output_router_logits": true, "router_aux_loss_coef": 0.5})");
  return folder;
}

// Losses on log-probabilities, references and held-out examples are shared as well.
TEST(GroupTest, EveryTaskIsTheRunOfOne) {
  for (const auto& [task, experts] :
       {std::pair<std::string, bool>{"sft", false}, {"dpo", false}, {"kto", false}, {"dpo", true}}) {
    SCOPED_TRACE(task + (experts ? " of a mixture" : ""));
    const std::string model = experts ? MixtureModel() : ExampleModel(), run = task + (experts ? "-experts" : "");
    const auto write = task == "sft" ? WriteConversations : task == "dpo" ? WritePairs : WriteLabelled;
    const auto words = [&, &task = task](const std::string& name) {
      return TaskWords(task, model, write(task + ".jsonl", 30, 0),
                       {"--eval-data", write(task + "-held.jsonl", 9, 100), "--eval-every", "2", "--steps", "3", "--compute",
                        "f32", "--cache-dir", FreshFolder(run + name), "--log-json", Scratch(run + name + ".json")});
    };
    const Result alone = Horizon(words("-one"));
    ASSERT_EQ(alone.status, 0) << alone.err;
    const Words shared = words("-two");
    ExpectFine(Ranks(2, [&](int64_t) { return shared; }).Ends());
    EXPECT_EQ(Curve(Scratch(run + "-two.json")), Curve(Scratch(run + "-one.json")));
  }
}

TEST(GroupTest, ByAddressWithoutALauncher) {
  const std::string address = "127.0.0.1:" + std::to_string(FreePort()), log = Scratch("address.json");
  Ranks ranks(2, [&](int64_t rank) {
    return RowWords({"--group-address", address, "--group-rank", std::to_string(rank), "--group-size", "2", "--log-json", log});
  });
  ExpectFine(ranks.Ends());
  EXPECT_EQ(Curve(log).size(), 10u);
}

TEST(GroupTest, CheckpointsGoOnWithAnyNumberOfProcesses) {
  const Words whole = {"--log-json", Scratch("whole.json"), "--out", Scratch("whole")};
  ASSERT_EQ(Horizon(RowWords(whole)).status, 0);
  const std::string states = Scratch("states"), log = Scratch("parts.json");
  const auto part = [&](const char* steps, const Words& more) {
    const Words words = RowWords(With({"--checkpoint-dir", states, "--save-every", "2", "--resume", "--log-json", log}, more));
    return Replaced(words, "--steps", steps);
  };
  ExpectFine(Ranks(2, [&](int64_t) { return part("3", {}); }).Ends());
  ExpectFine(Ranks(4, [&](int64_t) { return part("5", {}); }).Ends());
  const Result last = Horizon(part("7", {"--out", Scratch("parts")}));
  EXPECT_EQ(last.status, 0) << last.err;
  EXPECT_EQ(AsFolder(Scratch("parts")), AsFolder(Scratch("whole")));
}

TEST(GroupTest, ASignalForOneEndsAllAndTheStateIsSaved) {
  const std::string states = Scratch("signal");
  Ranks ranks(2, [&](int64_t) { return Replaced(RowWords({"--checkpoint-dir", states, "--json"}), "--steps", "100000"); });
  ranks.AwaitStep();
  kill(ranks.pid(1), SIGTERM);
  const std::vector<Result> results = ranks.Ends();
  for (const Result& result : results) EXPECT_EQ(result.status, 128 + SIGTERM) << result.err;
  ExpectOneErrorLine(results[0], {"interrupted after step", "its state is in " + states});
  EXPECT_EQ(results[1].err, "");
  EXPECT_TRUE(std::filesystem::exists(states));
}

TEST(GroupTest, WhatOneRankLacksAllAreTold) {
  Ranks ranks(2,
              [&](int64_t rank) { return rank == 1 ? Replaced(RowWords({}), "--data", Scratch("nowhere.npy")) : RowWords({}); });
  const std::vector<Result> results = ranks.Ends();
  ExpectOneErrorLine(results[0], {"rank 1: ", "nowhere.npy"});
  ExpectOneErrorLine(results[1], {"nowhere.npy"});
  for (const Result& result : results) EXPECT_EQ(result.status, 1);
}

TEST(GroupTest, RanksThatDifferAreTold) {
  const auto said = [](const std::function<Words(int64_t)>& words, const Words& wanted) {
    for (const Result& result : Ranks(2, words).Ends()) {
      EXPECT_EQ(result.status, 1);
      ExpectOneErrorLine(result, wanted);
    }
  };
  said([](int64_t rank) { return RowWords({"--seed", rank == 0 ? "1" : "2"}); }, {"seed is 2 on rank 1 and 1 on rank 0"});
  const std::string states = Scratch("own-states");
  ASSERT_EQ(Horizon(RowWords({"--checkpoint-dir", states, "--save-every", "2"})).status, 0);
  const auto own_folder = [&](int64_t rank) {
    return RowWords({"--checkpoint-dir", rank == 0 ? states : Scratch("own-empty"), "--resume", "--save-every", "2"});
  };
  said(own_folder, {"a checkpoint to go on from is false on rank 1 and true on rank 0"});
  const auto devices = [](int64_t rank) { return Replaced(RowWords({}), "--device", rank == 0 ? "cpu:2" : "cpu"); };
  said(devices, {"rank 1 is at 1 device", "rank 0 at 2 devices"});
  const auto rates = [](int64_t rank) { return RowWords({"--schedule", rank == 0 ? "linear" : "cosine"}); };
  said(rates, {"rank 1 is at schedule cosine, rank 0 at schedule linear"});
}

// What all ranks have a part in is told before the first step: at the run's end it would be too late, and nothing would be saved.
TEST(GroupTest, WhatRanksSaveAndWhereTheyEndMustBeTheSame) {
  const auto said = [](const Words& common, const Words& of_rank_0, const std::string& wanted) {
    for (const Result& result : Ranks(2, [&](int64_t rank) { return rank == 0 ? With(common, of_rank_0) : common; }).Ends()) {
      EXPECT_EQ(result.status, 1);
      ExpectOneErrorLine(result, {"the ranks do not do the same: " + wanted});
    }
  };
  const std::string prompts = Scratch("prompts.txt");
  WriteFile(prompts, "abc\n");
  said(RowWords({}), {"--out", Scratch("of-rank-0")}, "--out is \"not given\" on rank 1 and \"given\" on rank 0");
  said(RowWords({"--out", Scratch("of-both")}), {"--save-dtype", "f32"},
       "--save-dtype is \"auto\" on rank 1 and \"f32\" on rank 0");
  said(RowWords({}), {"--checkpoint-dir", Scratch("states-of-rank-0")}, "--checkpoint-dir is \"not given\" on rank 1");
  said(RowWords({"--checkpoint-dir", Scratch("no-best")}), {"--keep-best"}, "--keep-best is false on rank 1 and true on rank 0");
  said(RowWords({}), {"--early-stop", "2"}, "--early-stop is 0 on rank 1 and 2 on rank 0");
  said(RowWords({}), {"--max-skipped-steps", "3"}, "--max-skipped-steps is 10 on rank 1 and 3 on rank 0");
  said(RowWords({}), {"--sample-prompts", prompts}, "--sample-prompts is \"not given\" on rank 1");
  const std::string model = ExampleModel();
  const Words pairs = Words{"train", "--task", "dpo", "--config", model + "/config.json", "--tokenizer", model, "--data"};
  const Words more = {"--steps",
                      "1",
                      "--batch-size",
                      "4",
                      "--seq-len",
                      "96",
                      "--device",
                      "cpu",
                      "--threads",
                      "1",
                      "--reduction-groups",
                      "2",
                      "--cache-dir",
                      "none",
                      "--group-several-per-machine",
                      "--group-timeout",
                      "100"};
  const Words dpo = With(With(pairs, {WritePairs("pairs-alike.jsonl", 8)}), more);
  said(dpo, {"--beta", "0.5"}, "--beta is 0.1 on rank 1 and 0.5 on rank 0");
  said(dpo, {"--loss", "hinge"}, "--loss is \"sigmoid\" on rank 1 and \"hinge\" on rank 0");
  said(dpo, {"--reference-free"}, "--reference-free is false on rank 1 and true on rank 0");
}

// One tensor in the middle of a block, as of a folder that was trained in part.
TEST(GroupTest, ATensorThatDiffersIsTold) {
  const std::string folders[] = {Scratch("same-weights"), Scratch("other-weights")};
  for (const std::string& folder : folders) {
    ASSERT_EQ(Horizon({"export", "--config", WideConfig(), "--init-seed", "1", "--save-dtype", "f32", "--out", folder}).status,
              0);
  }
  const std::string path = folders[1] + "/model.safetensors";
  std::string bytes = ReadFile(path);
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), sizeof(header));
  const auto tensors = nlohmann::json::parse(bytes.substr(sizeof(header), header));
  const uint64_t begin = tensors.at("model.layers.1.self_attn.v_proj.weight").at("data_offsets").at(0);
  bytes[sizeof(header) + header + begin] ^= 1;
  WriteFile(path, bytes);
  const auto words = [&](int64_t rank) {
    Words all = RowWords({"--model", folders[rank]});
    const auto config = std::find(all.begin(), all.end(), "--config");
    all.erase(config, config + 2);
    return all;
  };
  for (const Result& result : Ranks(2, words).Ends()) {
    EXPECT_EQ(result.status, 1);
    ExpectOneErrorLine(result, {"rank 1 is at weights whose sample"});
  }
}

TEST(GroupTest, ARankThatDiesIsNamed) {
  const std::string states = Scratch("death");
  Ranks ranks(2, [&](int64_t) {
    return Replaced(RowWords({"--checkpoint-dir", states, "--save-every", "1", "--json"}), "--steps", "100000");
  });
  ranks.AwaitStep();
  kill(ranks.pid(1), SIGKILL);
  const Result left = ranks.End(0);
  EXPECT_EQ(left.status, 1);
  EXPECT_NE(left.err.find("error: rank 1 died"), std::string::npos) << left.err;
}

// Each rank reads files of its own: they must hold the same, wherever they lie.
TEST(GroupTest, RanksWhoseDataDifferAreTold) {
  const auto copy_of = [](const std::string& path, const std::string& name) {
    WriteFile(Scratch(name), ReadFile(path));
    return Scratch(name);
  };
  const auto run = [](const std::function<Words(int64_t)>& words) { return Ranks(2, words).Ends(); };
  const auto told = [&](const std::string& what, const std::function<Words(int64_t)>& words) {
    for (const Result& result : run(words)) {
      EXPECT_EQ(result.status, 1);
      ExpectOneErrorLine(result, {"the ranks do not do the same: " + what + " is \"", " on rank 1 and \"", " on rank 0"});
    }
  };
  const Words rows = Replaced(RowWords({}), "--steps", "1");
  std::vector<int64_t> ids = SomeIds(16 * 44);
  ids[16 * 43 + 15] ^= 1;  // the last of them
  const std::string other = WriteRows("other-rows.npy", 16, ids), same = copy_of(Scratch("rows.npy"), "same-rows.npy");
  ExpectFine(run([&](int64_t rank) { return rank == 0 ? rows : Replaced(rows, "--data", same); }));
  told("the hash of the data", [&](int64_t rank) { return rank == 0 ? rows : Replaced(rows, "--data", other); });
  std::vector<int64_t> held = SomeIds(16 * 9);
  held[0] ^= 1;
  const std::string other_held = WriteRows("other-held.npy", 16, held);
  told("the hash of the held-out data",
       [&](int64_t rank) { return rank == 0 ? rows : Replaced(rows, "--eval-data", other_held); });

  const std::string model = ExampleModel(), examples = WriteConversations("alike.jsonl", 8, 0);
  const auto tuning = [&](const std::string& data) {
    return TaskWords("sft", model, data, {"--steps", "1", "--cache-dir", "none"});
  };
  // One conversation of as many in another's place.
  const std::string unlike = WriteConversations("unlike.jsonl", 7, 0);
  WriteFile(unlike, ReadFile(unlike) + ReadFile(WriteConversations("another.jsonl", 1, 8)));
  const std::string copy = copy_of(examples, "alike-too.jsonl");
  ExpectFine(run([&](int64_t rank) { return tuning(rank == 0 ? examples : copy); }));
  told("the hash of the data", [&](int64_t rank) { return tuning(rank == 0 ? examples : unlike); });
}

// What several processes would do several times: refused as long as nobody says who is meant to do it, so that nothing is lost or doubled.
TEST(GroupTest, TheWorkOfOneIsDoneAsToldOrNotAtAll) {
  const std::string out = Scratch("exported"), data = WriteRows("of-one.npy", 16, SomeIds(16 * 4));
  const auto eval = [&](const Words& more) {
    return With({"eval", "--config", WideConfig(), "--device", "cpu", "--threads", "1", "--data", data, "--json"}, more);
  };
  for (const auto& [name, words] : {std::pair<std::string, Words>{"eval", eval({})},
                                    {"logprobs", {"logprobs", "--config", WideConfig(), "--device", "cpu", "--data", data}},
                                    {"export", {"export", "--config", WideConfig(), "--out", out}},
                                    {"generate", {"generate", "--config", WideConfig(), "--device", "cpu", "--prompt", "a"}},
                                    {"chat", {"chat", "--model", ExampleModel()}}}) {
    Ranks ranks(2, [&, &words = words](int64_t) { return words; });
    for (int64_t rank = 0; rank < 2; ++rank) {
      const Result result = ranks.End(rank);
      EXPECT_EQ(result.status, 2) << name;
      EXPECT_EQ(result.out, "") << name;
      ExpectOneErrorLine(
          result, {name + " does not spread its work", "torchrun has started 2, of which this is rank " + std::to_string(rank),
                   "--group first", "--group none"});
    }
  }
  EXPECT_FALSE(std::filesystem::exists(out));
  const Result alone = Horizon(eval({}));
  ASSERT_EQ(alone.status, 0) << alone.err;
  for (const char* whose : {"first", "none"}) {
    const std::vector<Result> results = Ranks(2, [&](int64_t) { return eval({"--group", whose}); }).Ends();
    ExpectFine(results);
    EXPECT_EQ(results[0].out, alone.out) << whose;
    EXPECT_EQ(results[1].out, std::string(whose) == "none" ? alone.out : "") << whose;
  }
}

// What is said of this machine is said on each, and who is alone has nothing to say.
TEST(GroupTest, OtherCommandsTakeNoNoticeOfALauncher) {
  for (const Result& result : Ranks(2, [](int64_t) { return Words{"devices", "--json"}; }).Ends()) {
    EXPECT_EQ(result.status, 0) << result.err;
    EXPECT_NE(result.out, "");
  }
}

TEST(GroupTest, ANeighboursVariablesCanBeLeftAlone) {
  setenv("RANK", "3", 1);
  const Result refused = Horizon(RowWords({}));
  ExpectOneErrorLine(refused, {"RANK", "WORLD_SIZE"});
  EXPECT_EQ(Horizon(RowWords({"--group", "none"})).status, 0);
  unsetenv("RANK");
}

}  // namespace
}  // namespace horizon_test
