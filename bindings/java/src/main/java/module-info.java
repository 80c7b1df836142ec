/** Horizon-LM: trains large language models from host memory. */
module org.horizonlm {
  exports org.horizonlm;
}
