using System.Diagnostics;
using LDaeCore.Engine.Errors;
using NUnit.Framework;

namespace LDaeCore.Tests.Fuzzing;

/// <summary>
/// Feeds a reader thousands of broken inputs. Each is read, or refused with an error that has a message and a remedy: no other exception,
/// no hang, no allocation out of proportion. Input n comes from seed n alone, and a failure names its seed.
/// </summary>
internal static class Fuzz
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(20);

    /// <summary>Runs it.</summary>
    /// <param name="inputs">How many inputs.</param>
    /// <param name="seeds">Whole inputs that are broken.</param>
    /// <param name="read">Reads an input.</param>
    /// <param name="mostBytes">Most that reading one may allocate.</param>
    public static void Run(int inputs, IReadOnlyList<byte[]> seeds, Action<byte[]> read, long mostBytes = 64 << 20)
    {
        var clock = Stopwatch.StartNew();
        foreach (var seed in seeds)
        {
            Assert.That(() => read(seed), Throws.Nothing, "a whole input");
        }

        var (current, refused) = (0, 0);
        var work = Task.Factory.StartNew(
            () =>
            {
                for (; current < inputs; Interlocked.Increment(ref current))
                {
                    refused += Read(current, Mutation.Of(seeds, new Random(current)), read, mostBytes) ? 0 : 1;
                }
            },
            TaskCreationOptions.LongRunning);
        for (var before = -1; !Finished(work, Longest); before = current)
        {
            Assert.That(current, Is.Not.EqualTo(before), $"seed {current} is read for {Longest.TotalSeconds} seconds or more");
        }

        TestContext.Out.WriteLine($"{inputs} inputs, {refused} of them refused ({clock.Elapsed.TotalSeconds:F1} s)");
        Assert.That(refused, Is.InRange(inputs / 10, inputs - 1), "broken inputs are mostly refused, and some are not broken in what is read");
    }

    private static bool Read(int seed, byte[] input, Action<byte[]> read, long mostBytes)
    {
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        var accepted = true;
        try
        {
            read(input);
        }
        catch (LdaeException refusal)
        {
            accepted = false;
            if (string.IsNullOrWhiteSpace(refusal.Message) || string.IsNullOrWhiteSpace(refusal.Remedy))
            {
                throw new AssertionException($"seed {seed}: a refusal without message or remedy; {Show(input)}", refusal);
            }
        }
        catch (Exception other)
        {
            throw new AssertionException($"seed {seed}: {other}; {Show(input)}", other);
        }

        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        return allocated <= mostBytes ? accepted : throw new AssertionException($"seed {seed} allocates {allocated} bytes; {Show(input)}");
    }

    private static bool Finished(Task work, TimeSpan longest)
    {
        try
        {
            return work.Wait(longest);
        }
        catch (AggregateException failed)
        {
            Assert.Fail(failed.InnerException!.Message);
            throw;
        }
    }

    private static string Show(byte[] input) => $"input of {input.Length} bytes: {Convert.ToHexString(input.AsSpan(0, Math.Min(input.Length, 400)))}";
}
