package org.horizonlm;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Ends a long native call when its thread is interrupted: a thread that is in native code does not see that it is, so another one looks, twenty
 * times a second, at those that are.
 */
final class Interrupts {
  private static final long MILLISECONDS = 50;
  private static final Map<Thread, Runnable> CALLS = new ConcurrentHashMap<>();
  private static Thread watcher;

  private Interrupts() {}

  /** Runs `call`; where the thread is interrupted before it ends, `cancel` is run by another thread, once. The thread stays interrupted. */
  static void during(Runnable cancel, Runnable call) {
    begin();
    CALLS.put(Thread.currentThread(), cancel);
    try {
      call.run();
    } finally {
      CALLS.remove(Thread.currentThread());
    }
  }

  private static synchronized void begin() {
    if (watcher == null) {
      watcher = new Thread(Interrupts::watch, "horizonlm-interrupts");
      watcher.setDaemon(true);
      watcher.start();
    }
  }

  private static void watch() {
    while (true) {
      CALLS.forEach((thread, cancel) -> {
        if (thread.isInterrupted() && CALLS.remove(thread, cancel)) {
          cancel.run();
        }
      });
      try {
        Thread.sleep(MILLISECONDS);
      } catch (InterruptedException nobodyDoes) {
        return;
      }
    }
  }
}
