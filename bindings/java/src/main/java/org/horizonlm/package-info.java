/**
 * Trains large language models from host memory.
 *
 * <pre>{@code
 * try (Model model = Model.open(Path.of("Qwen2.5-0.5B"));
 *     Plan plan = Plan.make(model, PlanOptions.builder().batchSize(8).seqLen(1024).build());
 *     Trainer trainer = Trainer.create(model, plan, TrainerOptions.builder().lr(1e-5).build())) {
 *   StepMetrics metrics = trainer.step(Batch.ofDocuments(documents));
 *   trainer.saveModel(Path.of("tuned"));
 * }
 * }</pre>
 *
 * <p>The jar carries the native libraries and loads them at the first use.
 *
 * <p><b>Buffers</b> are direct {@code java.nio} buffers in native byte order ({@link org.horizonlm.Buffers} makes them). They are read or written in place, from
 * position to limit, and are not kept after the call. Any other kind is an {@link java.lang.IllegalArgumentException}.
 *
 * <p><b>Errors</b> of the library are {@link org.horizonlm.HorizonLmException}s with a code. An argument that is null, where that is not said to be legal, is a
 * {@link java.lang.NullPointerException} that names it.
 *
 * <p><b>Threads.</b> Different objects may be used from different threads. Two threads at once in one object get {@code FAILED_PRECONDITION}, except that
 * {@link org.horizonlm.Trainer#cancel()} may be called from any. {@code close()} may be called more than once; while another thread is in a call of the object it
 * is refused with {@code FAILED_PRECONDITION}. An object that is forgotten is freed by a cleaner; {@code close()} is better.
 */
package org.horizonlm;
