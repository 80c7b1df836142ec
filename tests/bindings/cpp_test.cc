// The C++ interface: each of its calls, against known values.
#include <gtest/gtest.h>

#include <cmath>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "c_api/horizon_lm.hpp"

namespace {

constexpr char kConfig[] =
    R"({"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", "hidden_size": 32,
 "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
 "vocab_size": 16, "max_position_embeddings": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
 "tie_word_embeddings": false, "initializer_range": 0.02})";
constexpr char kFolder[] = "tests/bindings/model";  // a token a byte; 256 to 258: <|im_start|>, <|im_end|>, <|end|>
using Ids = std::vector<int32_t>;

hlm::Trainer NewTrainer() {
  hlm::PlanOptions shape;
  shape.device = "cpu", shape.batch_size = 4, shape.seq_len = 8, shape.frozen_copies = 1, shape.compute = HLM_DTYPE_F32;
  const hlm::Model model = hlm::Model::Create(kConfig, 1);
  return hlm::Trainer(model, hlm::Plan(model, shape));
}

template <class Call>
void Fails(int32_t code, const std::string& part, Call&& call) {
  try {
    call();
  } catch (const hlm::Exception& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    return;
  }
  ADD_FAILURE() << "nothing was thrown";
}

std::string Scratch(const std::string& name) {
  const std::string folder = testing::TempDir() + "/" + name;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  return folder;
}

TEST(Cpp, HandlesAreMovedNotCopied) {
  static_assert(!std::is_copy_constructible_v<hlm::Trainer> && std::is_nothrow_move_constructible_v<hlm::Trainer>);
  static_assert(!std::is_copy_constructible_v<hlm::Dataset> && !std::is_copy_constructible_v<hlm::Weights>);
  hlm::Tokenizer one = hlm::Tokenizer::Open(kFolder);
  hlm_tokenizer* handle = one.get();
  hlm::Tokenizer two = std::move(one);
  EXPECT_EQ(two.get(), handle);
  EXPECT_EQ(one.get(), nullptr);
  EXPECT_TRUE(two);
  EXPECT_FALSE(one);
  hlm::Trainer empty;
  const hlm::Group alone;
  EXPECT_FALSE(empty || alone || hlm::Model() || hlm::Plan() || hlm::Template() || hlm::Dataset() || hlm::Weights() ||
               hlm::Decoder());
  EXPECT_EQ(alone.Size(), 1);
  EXPECT_EQ(hlm::Version(), HLM_VERSION);
  EXPECT_NE(hlm::ListDevices().find("cpu"), std::string::npos);
  EXPECT_NE(hlm::DescribeMachine("cpu").find("{"), std::string::npos);
}

TEST(Cpp, Tokenizers) {
  const hlm::Tokenizer tokenizer = hlm::Tokenizer::Open(kFolder);
  const std::string text("a\0\xC3\xA9<|end|>", 11);
  std::vector<int64_t> offsets;
  EXPECT_EQ(tokenizer.Encode(text, hlm::EncodeOptions(), &offsets), (Ids{97, 0, 0xC3, 0xA9, 258}));
  EXPECT_EQ(offsets, (std::vector<int64_t>{0, 1, 1, 2, 2, 4, 2, 4, 4, 11}));
  EXPECT_EQ(tokenizer.Encode(std::string_view(text).substr(4)), Ids{258});
  EXPECT_EQ(tokenizer.Decode(Ids{97, 0, 98, 258}, true), std::string("a\0b", 3));
  EXPECT_EQ(tokenizer.Token(258), "<|end|>");
  EXPECT_EQ(tokenizer.Id("<|end|>"), 258);
  EXPECT_NE(tokenizer.Describe().find("259"), std::string::npos);
  Fails(HLM_NOT_FOUND, "nope", [&] { tokenizer.Id("nope"); });
  Fails(HLM_INVALID_ARGUMENT, "byte 1", [&] { tokenizer.Encode("a\xff"); });
  Fails(HLM_NOT_FOUND, "/no/such", [&] { hlm::Tokenizer::Open("/no/such"); });
  hlm::Decoder decoder(tokenizer);
  EXPECT_EQ(decoder.Push(0xC3), "");
  EXPECT_EQ(decoder.Push(Ids{0xA9, 97}),
            "\xC3\xA9"
            "a");
  decoder.Push(0xC3);
  EXPECT_EQ(decoder.Finish(), "\xEF\xBF\xBD");

  std::ifstream file(std::string(kFolder) + "/tokenizer.json");
  std::string json((std::istreambuf_iterator<char>(file)), {});
  const std::string plain = "\"normalizer\": null";
  json.replace(json.find(plain), plain.size(),
               R"("normalizer": {"type": "Replace", "pattern": {"String": "x"}, "content": "yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy"})");
  const std::string folder = Scratch("longer");
  std::ofstream(folder + "/tokenizer.json") << json;
  EXPECT_EQ(hlm::Tokenizer::Open(folder).Encode("xx", hlm::EncodeOptions(), &offsets), Ids(64, 'y'));
  EXPECT_EQ(offsets.size(), 128u);
}

TEST(Cpp, TemplatesAndDataSets) {
  const hlm::Template chat = hlm::Template::Open(kFolder);
  const std::string dialogue = R"([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}])";
  EXPECT_EQ(chat.Render(dialogue), "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\nyes<|im_end|>\n");
  EXPECT_NE(chat.RenderTraining(dialogue).find("\"trained\""), std::string::npos);
  EXPECT_NE(chat.Describe().find("default"), std::string::npos);
  Fails(HLM_INVALID_ARGUMENT, "line", [] { hlm::Template::Create("{% for %}"); });
  EXPECT_EQ(hlm::Template::Create("x").WithTokenizer(hlm::Tokenizer::Open(kFolder)).Describe(), chat.Describe());

  const std::string path = Scratch("data") + "/d.jsonl";
  std::ofstream(path) << R"({"prompt": "ab", "completion": "cd"})"
                      << "\n"
                      << R"({"prompt": "e", "completion": "f"})"
                      << "\n";
  const std::string config = R"({"data": ")" + path + R"(", "epochs": 1, "shuffle": false})";
  const hlm::Tokenizer tokenizer = hlm::Tokenizer::Open(kFolder);
  hlm::Dataset dataset(config, &tokenizer);
  const std::string begin = dataset.Position();
  const hlm::Documents step = dataset.Next(1);
  ASSERT_TRUE(step);
  EXPECT_EQ(Ids(step.ids, step.ids + step.n_ids), (Ids{'a', 'b', 'c', 'd', 258, 'e', 'f', 258}));
  EXPECT_EQ(step.Batch().n_labels, 8u);
  EXPECT_EQ(step.trained, 5);
  EXPECT_FALSE(dataset.Next(1));
  dataset.Seek(begin);
  EXPECT_EQ(dataset.Next(1).n_ids, 8u);
  dataset.WriteColumn("ref", "w", std::vector<float>{-1, -2});
  std::vector<float> read(2);
  dataset.ReadColumn("ref", "w", read);
  EXPECT_EQ(read[1], -2);
  Fails(HLM_FAILED_PRECONDITION, "", [&] { dataset.Mismatched(); });
  Fails(HLM_FAILED_PRECONDITION, "tokenizer", [&] { hlm::Dataset("{\"data\": \"" + path + "\"}"); });
}

TEST(Cpp, Losses) {
  hlm::Trainer trainer = NewTrainer();
  const Ids ids = {1, 2, 3, 4, 5, 1, 2, 6, 7, 8, 9, 10, 8, 9, 11, 12, 13};
  const std::vector<int64_t> offsets = {0, 5, 9, 12, 17};
  const std::vector<float> weights = {0, 0, 1, 1, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0, 1, 1, 1};
  const hlm::Batch pairs(ids, offsets, {}, weights);
  std::vector<float> logprobs(17), again(17), entropies(17);
  trainer.Logprobs(pairs, logprobs, nullptr, entropies);
  EXPECT_GT(entropies[4], 2.5f);  // nearly ln 16
  std::vector<double> sums(4), tokens(4);
  hlm::SumLogprobs(pairs, logprobs, sums, tokens);
  EXPECT_EQ(tokens, (std::vector<double>{3, 2, 1, 3}));
  hlm::PreferenceOptions dpo;
  dpo.reference_sums = sums.data(), dpo.n_reference_sums = sums.size();
  EXPECT_NEAR(trainer.AccumulatePreference(pairs, dpo).loss, std::log(2.0), 1e-12);
  const hlm::Weights kept = trainer.KeepWeights();
  trainer.Apply();
  trainer.Logprobs(pairs, again, &kept);
  EXPECT_EQ(again, logprobs);
  trainer.Logprobs(pairs, again);
  EXPECT_NE(again, logprobs);
  EXPECT_NE(trainer.Evaluate(pairs, kept).loss, trainer.Evaluate(pairs).loss);

  hlm::SumLogprobs(pairs, again, sums);
  const Ids desirable = {1, 0, 0, 1};
  hlm::KtoOptions kto;
  kto.desirable = desirable.data(), kto.n_desirable = 4, kto.reference_sums = sums.data(), kto.n_reference_sums = 4;
  EXPECT_NEAR(trainer.AccumulateKto(pairs, kto).loss, 0.5, 1e-12);
  const std::vector<float> advantages(17, 0.5f);
  hlm::PolicyOptions policy;
  policy.advantages = advantages.data(), policy.n_advantages = 17;
  EXPECT_NEAR(trainer.AccumulatePolicy(pairs, policy).loss, -0.5, 1e-6);
  // -logprob as a loss of one's own is what evaluate gives, over the tokens.
  trainer.Discard();
  const auto sum = [](void*, int64_t, int64_t, size_t n, const float* p, const float*, float* d, float*,
                      double* loss) -> int32_t {
    for (size_t i = 0; i < n; ++i) *loss -= p[i], d[i] = -1;
    return 0;
  };
  const hlm::Batch all(ids, offsets);
  const hlm::Evaluation own = trainer.AccumulateFn(all, 1, false, sum, nullptr);
  EXPECT_EQ(own.tokens, 13);
  EXPECT_NEAR(own.loss / 13, trainer.Evaluate(all).loss, 1e-5);
  // As a function object it is the same.
  trainer.Discard();
  int64_t documents = 0;
  const auto object = [&](int64_t, int64_t n, hlm::Span<const float> p, hlm::Span<const float> h, hlm::Span<float> d,
                          hlm::Span<float> d_h) {
    EXPECT_EQ(h.size() + d_h.size(), 0u);
    documents += n;
    double loss = 0;
    for (size_t i = 0; i < p.size(); ++i) loss -= p.data()[i], d.data()[i] = -1;
    return loss;
  };
  EXPECT_EQ(trainer.AccumulateFn(all, 1, false, object).loss, own.loss);
  EXPECT_EQ(documents, static_cast<int64_t>(offsets.size()) - 1);
  // What it throws arrives, and leaves nothing behind.
  struct Mine {};
  const auto throws = [](int64_t, int64_t, hlm::Span<const float>, hlm::Span<const float>, hlm::Span<float>,
                         hlm::Span<float>) -> double { throw Mine(); };
  EXPECT_THROW(trainer.AccumulateFn(all, 1, false, throws), Mine);
  Fails(HLM_FAILED_PRECONDITION, "nothing was accumulated", [&] { trainer.Apply(); });
  dpo.n_reference_sums = 3;
  Fails(HLM_INVALID_ARGUMENT, "n_reference_sums is 3", [&] { trainer.AccumulatePreference(pairs, dpo); });
}

TEST(Cpp, Checkpoints) {
  const std::string folder = Scratch("ckpt") + "/all";
  const Ids ids = {1, 2, 3, 4};
  const std::vector<int64_t> offsets = {0, 4};
  const hlm::Batch batch(ids, offsets);
  hlm::Trainer first = NewTrainer();
  first.Step(batch);
  hlm::CheckpointOptions options;
  options.user_data = "here";
  first.Save(folder, options);
  EXPECT_TRUE(first.SaveWait());
  const double wanted = first.Step(batch).loss;
  hlm::Trainer second = NewTrainer();
  EXPECT_NE(second.Resume(folder).find("here"), std::string::npos);
  EXPECT_EQ(second.Step(batch).loss, wanted);
  EXPECT_NE(hlm::ListCheckpoints(folder).find("step-000000000001"), std::string::npos);
  Fails(HLM_NOT_FOUND, "", [&] { second.Resume(folder + "/none"); });
}

TEST(Cpp, ASaveIsCheckedAndHasItsWords) {
  const hlm::Model model = hlm::Model::Create(kConfig, 1);
  EXPECT_GT(model.CheckSave(Scratch("new-model")), 1000);
  hlm::CheckCheckpoints(Scratch("new-ckpt"), 1);
  Fails(HLM_RESOURCE_EXHAUSTED, "free", [&] { hlm::CheckCheckpoints(Scratch("new-ckpt"), int64_t{1} << 62); });
  hlm::TextOptions words;
  words.stop_ids_json = "[3, 5]";
  EXPECT_NE(model.WithText(words).Describe().find("\"stop_ids\":[3,5]"), std::string::npos);
}

// Two ranks that find each other through what they have: here a table that both see.
struct Meeting {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<int64_t, std::string> told;
};
struct Attendee {
  Meeting* meeting;
  int64_t rank;
  static int32_t AllGather(void* user_data, const void* own, void* all, size_t n_bytes) {
    const Attendee& self = *static_cast<const Attendee*>(user_data);
    std::unique_lock<std::mutex> lock(self.meeting->mutex);
    self.meeting->told[self.rank] = std::string(static_cast<const char*>(own), n_bytes);
    self.meeting->changed.notify_all();
    self.meeting->changed.wait(lock, [&] { return self.meeting->told.size() == 2; });
    for (const auto& of_rank : self.meeting->told) {
      std::memcpy(static_cast<char*>(all) + static_cast<size_t>(of_rank.first) * n_bytes, of_rank.second.data(), n_bytes);
    }
    return 0;
  }
};

// Two ranks whose groups are made so gather what each has.
void ExpectGathered(const std::function<hlm::Group(Attendee&)>& make) {
  Meeting meeting;
  std::vector<std::string> gathered[2];
  const auto run = [&](int64_t rank) {
    Attendee attendee{&meeting, rank};
    hlm::Group group = make(attendee);
    EXPECT_EQ(group.Rank(), rank);
    EXPECT_EQ(group.Size(), 2);
    gathered[rank] = group.AllGather(rank == 0 ? "one" : "two");
    group.Barrier();
  };
  std::thread other(run, 1);
  run(0);
  other.join();
  EXPECT_EQ(gathered[0], (std::vector<std::string>{"one", "two"}));
  EXPECT_EQ(gathered[1], gathered[0]);
}

TEST(Cpp, AGroupOfACallback) {
  ExpectGathered([](Attendee& attendee) { return hlm::Group::FromCallback(attendee.rank, 2, Attendee::AllGather, &attendee); });
  const auto failing = [](void*, const void*, void*, size_t) { return int32_t{1}; };
  Fails(HLM_UNAVAILABLE, "", [&] { hlm::Group::FromCallback(0, 2, failing, nullptr); });
}

TEST(Cpp, AGroupOfAFunctionObject) {
  ExpectGathered([](Attendee& attendee) {
    return hlm::Group::FromCallback(attendee.rank, 2, [&](const std::string& own) {
      std::string all(2 * own.size(), '\0');
      Attendee::AllGather(&attendee, own.data(), &all[0], own.size());
      return std::vector<std::string>{all.substr(0, own.size()), all.substr(own.size())};
    });
  });
  struct Mine {};
  EXPECT_THROW(hlm::Group::FromCallback(0, 2, [](const std::string&) -> std::vector<std::string> { throw Mine(); }), Mine);
  const auto few = [](const std::string& own) { return std::vector<std::string>{own}; };
  Fails(HLM_INVALID_ARGUMENT, "of 1 ranks; the group has 2", [&] { hlm::Group::FromCallback(0, 2, few); });
  const auto brief = [](const std::string& own) { return std::vector<std::string>{own, "x"}; };
  Fails(HLM_INVALID_ARGUMENT, "1 bytes of a rank", [&] { hlm::Group::FromCallback(0, 2, brief); });
}

TEST(Cpp, PackedMoments) {
  hlm::OptimizerOptions options;
  options.states = HLM_STATES_INT8, options.threads = 1;
  const hlm::Optimizer adamw(options);
  const auto [bytes, scales] = adamw.StateSize(HLM_TENSOR_FIRST_MOMENT, 600);
  EXPECT_EQ(bytes, 600u);
  EXPECT_EQ(scales, 3);
  std::vector<float> values(600, 0.25f), back(600), scale(3);
  std::vector<uint8_t> moment(600);
  adamw.WriteState(HLM_TENSOR_FIRST_MOMENT, 600, values.data(), moment.data(), scale.data());
  adamw.ReadState(HLM_TENSOR_FIRST_MOMENT, 600, moment.data(), scale.data(), back.data());
  EXPECT_NEAR(back[599], 0.25f, 1e-6);
}

}  // namespace
