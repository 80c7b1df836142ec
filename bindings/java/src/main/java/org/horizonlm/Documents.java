package org.horizonlm;

import java.nio.IntBuffer;
import java.nio.LongBuffer;

/**
 * A step of a data set. Its buffers are its own: they stay as they are.
 *
 * @param batch ids, offsets and labels, to step on
 * @param numbers of each document: its place in a column
 * @param desirable of each document: 0 where a label calls it undesirable, or it is a pair's second; else 1
 * @param rows row r has the documents from rows[r] up to rows[r + 1]
 * @param trained labels that are not -100
 * @param epoch from 0
 */
public record Documents(Batch batch, LongBuffer numbers, IntBuffer desirable, LongBuffer rows, long trained, long epoch) {}
