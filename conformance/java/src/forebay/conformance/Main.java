package forebay.conformance;

import forebay.conformance.rabbit.ConnectionCases;
import forebay.conformance.rabbit.ConsumingCases;
import forebay.conformance.rabbit.DurabilityCases;
import forebay.conformance.rabbit.ErrorCases;
import forebay.conformance.rabbit.PublishingCases;
import forebay.conformance.rabbit.QueueArgumentCases;
import forebay.conformance.rabbit.TopologyCases;
import forebay.conformance.sqs.BatchManagerCases;
import forebay.conformance.sqs.MessageCases;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Runs every public static method without parameters of the given case classes, each with a
 * deadline, and prints a line a case. It starts in a fraction of the time of a test framework.
 */
public final class Main {
    private static final long CASE_SECONDS = 120;

    private static final List<Class<?>> CLIENT =
            List.of(RecordCases.class, GroupCases.class, AdminCases.class, RetentionCases.class);
    private static final List<Class<?>> TOOLS = List.of(ToolCases.class);
    private static final List<Class<?>> RABBIT = List.of(
            TopologyCases.class, PublishingCases.class, ConsumingCases.class,
            QueueArgumentCases.class, ErrorCases.class, ConnectionCases.class,
            DurabilityCases.class);
    private static final List<Class<?>> SQS =
            List.of(MessageCases.class, BatchManagerCases.class);

    private Main() {}

    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "client" -> cases(CLIENT);
            case "tools" -> cases(TOOLS);
            case "rabbit" -> cases(RABBIT);
            case "sqs" -> cases(SQS);
            case "feed" -> Pipe.feed(args[1], args[2], args[3]);
            case "dump" -> Pipe.dump(args[1], Integer.parseInt(args[2]), args[3]);
            default -> throw new IllegalArgumentException(args[0]);
        }
        System.exit(0);
    }

    private static void cases(List<Class<?>> classes) {
        boolean failed = false;
        ExecutorService worker = Executors.newCachedThreadPool(runnable -> {
            Thread thread = new Thread(runnable);
            thread.setDaemon(true);
            return thread;
        });
        for (Class<?> cases : classes) {
            Method[] methods = cases.getDeclaredMethods();
            Arrays.sort(methods, Comparator.comparing(Method::getName));
            for (Method method : methods) {
                int modifiers = method.getModifiers();
                boolean isCase = Modifier.isPublic(modifiers) && Modifier.isStatic(modifiers)
                        && method.getParameterCount() == 0;
                if (isCase) {
                    failed |= !passes(worker, method);
                }
            }
        }
        System.exit(failed ? 1 : 0);
    }

    private static boolean passes(ExecutorService worker, Method method) {
        String name = snakeCase(method.getName());
        try {
            worker.submit(() -> method.invoke(null)).get(CASE_SECONDS, TimeUnit.SECONDS);
            System.out.println("PASS " + name);
            return true;
        } catch (TimeoutException late) {
            System.out.println("FAIL " + name + ": longer than " + CASE_SECONDS + " s");
        } catch (ExecutionException failure) {
            Throwable cause = failure.getCause();
            if (cause instanceof InvocationTargetException) {
                cause = cause.getCause();
            }
            if (cause instanceof Expect.Skipped) {
                System.out.println("SKIP " + name + ": " + cause.getMessage());
                return true;
            }
            System.out.println("FAIL " + name + ": " + String.valueOf(cause).replace('\n', ' '));
            cause.printStackTrace();
        } catch (InterruptedException stop) {
            throw new IllegalStateException(stop);
        }
        return false;
    }

    private static String snakeCase(String name) {
        return name.replaceAll("([A-Z])", "_$1").toLowerCase();
    }
}
