package org.horizonlm;

import org.horizonlm.internal.NativeConstants;

/** What of a conversation is trained. */
public enum TrainOn {
  /** Every message of role assistant. */
  ASSISTANT(NativeConstants.HLM_TRAIN_ON_ASSISTANT),
  /** The last of these. */
  LAST(NativeConstants.HLM_TRAIN_ON_LAST),
  /** Those of these behind the prompt. */
  COMPLETION(NativeConstants.HLM_TRAIN_ON_COMPLETION),
  /** All of the text. */
  ALL(NativeConstants.HLM_TRAIN_ON_ALL);

  private final int value;

  TrainOn(int value) {
    this.value = value;
  }

  int value() {
    return value;
  }
}
