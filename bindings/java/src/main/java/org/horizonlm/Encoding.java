package org.horizonlm;

/**
 * The ids of a text, and where each comes from.
 *
 * @param ids the ids
 * @param offsets begin and end of each in the text, by turns; 0 and 0 for a special token that was added
 */
public record Encoding(int[] ids, long[] offsets) {}
