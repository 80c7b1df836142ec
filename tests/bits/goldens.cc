// Every golden's model: what it predicts, its gradient, four steps, and the weights as a folder.
#include "tests/bits/rig.h"

namespace hlm_bits {

void RunGoldens(Record& record) {
  for (const std::string& name : hlm_golden::GoldenNames()) {
    const Golden golden = hlm_golden::LoadGolden(name);
    for (const bool bf16 : {false, true}) {
      record.Run("golden/" + name + (bf16 ? "/bf16" : "/f32"), [&](Case& c) {
        Rig rig(c, golden, bf16 ? HLM_DTYPE_BF16 : HLM_DTYPE_F32);
        const GoldenBatch& batch = golden.batches.front();
        hlm::Trainer& trainer = rig.trainer();

        std::vector<float> logits(batch.ids.size() * static_cast<size_t>(golden.vocab));
        trainer.Logits(View(batch), {}, logits);
        c.Put("logits", Digest().All(logits));
        std::vector<float> logprobs(batch.ids.size()), entropies = logprobs, greedy = logprobs;
        trainer.Logprobs(View(batch), logprobs, nullptr, entropies, greedy);
        c.Put("logprobs", Digest().All(logprobs).All(entropies).All(greedy));

        Digest losses;
        for (const GoldenBatch& each : golden.batches) losses.Number(trainer.Evaluate(View(each)).loss);
        c.Put("evaluated", losses);

        // The batch's own gradient, then with another's on top.
        c.Put("accumulated", Digest().Number(trainer.Accumulate(View(batch)).loss));
        rig.Gradient("gradient");
        c.Put("accumulated_twice", Digest().Number(trainer.Accumulate(View(golden.batches.back())).loss));
        rig.Gradient("gradient_twice");
        trainer.Discard();

        rig.Steps("", 4);
        rig.State("");
        c.Put("evaluated_after", Digest().Number(trainer.Evaluate(View(batch)).loss));
      });
    }
  }
}

}  // namespace hlm_bits
