package org.horizonlm;

import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Ends a long native call when its thread is interrupted: a thread that is in native code does not see that it is, so another one looks, twenty
 * times a second, at those that are.
 */
final class Interrupts {
  private static final long MILLISECONDS = 50;
  private static final Map<Thread, Call> CALLS = new ConcurrentHashMap<>();
  private static Thread watcher;

  private Interrupts() {}

  // Whoever takes it out of the map, its own thread or the watcher, decides whether it is cancelled.
  private static final class Call {
    final Runnable cancel;
    volatile boolean asked;

    Call(Runnable cancel) {
      this.cancel = cancel;
    }
  }

  /**
   * Runs `call`; where the thread is interrupted before it ends, `cancel` is run by another thread, once. A request that comes when the call has
   * ended by itself must not end the next one: `take` is run then. The thread stays interrupted.
   */
  static void during(Runnable cancel, Runnable take, Runnable call) {
    Thread thread = Thread.currentThread();
    if (thread.isInterrupted()) {
      throw new HorizonLmException(Code.CANCELLED, "the thread was interrupted before the call began");
    }
    Call own = new Call(cancel);
    CALLS.put(thread, own);
    watch();
    boolean cancelled = false;
    try {
      call.run();
    } catch (HorizonLmException error) {
      cancelled = error.code() == Code.CANCELLED;
      throw error;
    } finally {
      if (!CALLS.remove(thread, own)) {
        while (!own.asked) { // the watcher is about to
          Thread.onSpinWait();
        }
        if (!cancelled) {
          take.run();
        }
      }
    }
  }

  private static synchronized void watch() {
    if (watcher == null) {
      watcher = new Thread(Interrupts::look, "horizonlm-interrupts");
      watcher.setDaemon(true);
      watcher.setContextClassLoader(null); // it outlives whoever makes the first call
      watcher.start();
    }
    Interrupts.class.notify();
  }

  private static void look() {
    while (true) {
      CALLS.forEach((thread, call) -> {
        if (thread.isInterrupted() && CALLS.remove(thread, call)) {
          try {
            call.cancel.run();
          } finally {
            call.asked = true;
          }
        }
      });
      try {
        pause();
      } catch (InterruptedException notForThisThread) {
        // Somebody interrupts every thread there is: those in calls are looked at again.
      }
    }
  }

  private static void pause() throws InterruptedException {
    synchronized (Interrupts.class) {
      while (CALLS.isEmpty()) {
        Interrupts.class.wait();
      }
    }
    Thread.sleep(MILLISECONDS);
  }
}
