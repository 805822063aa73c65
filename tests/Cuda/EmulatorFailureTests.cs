using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>
/// What the emulator refuses: each launch fails with a sentence that names kernel, block and line, and the next launch works again.
/// </summary>
public sealed class EmulatorFailureTests
{
    private EmulatedProgram _failures = null!;

    [OneTimeSetUp]
    public void Compile() => _failures = new EmulatedProgram("programs/failures.cu", ArenaMode.Guard);

    [OneTimeTearDown]
    public void Free() => _failures?.Dispose();

    [Test]
    public void Threads_that_wait_at_different_barriers_for_ever() =>
        Fails("waits_for_ever", 64, 0, 40, "kernel waits_for_ever, block (0, 0, 0)", "failures.cu:6", "failures.cu:8", "for ever");

    [Test]
    public void Threads_of_a_block_that_meet_in_different_barriers() =>
        Fails("waits_for_ever", 64, 0, 32, "different barriers", "failures.cu:6", "failures.cu:9");

    [Test]
    public void Lanes_of_a_warp_that_meet_in_different_shuffles() => Fails("split_warp", 32, 0, 16, "different operations", "shuffle", "failures.cu:");

    [Test]
    public void A_read_past_the_end_of_an_allocation() =>
        Fails("reads_beyond", 64, 0, 4, "failures.cu:25", "thread (", "past the end of the allocation of 256 bytes");

    [Test]
    public void A_read_before_the_start_of_an_allocation() => Fails("reads_beyond", 64, 0, -1024, "failures.cu:25", "before the start of the allocation of 256 bytes");

    [Test]
    public void An_asynchronous_copy_from_a_crooked_address() => Fails("copies_crooked", 1, 64, 1, "not aligned to 16", "failures.cu:29");

    [Test]
    public void Ldmatrix_outside_of_shared_memory() => Fails("loads_beyond", 32, 512, 16, "of 512 bytes of shared memory", "failures.cu:35");

    [Test]
    public void A_matrix_product_of_half_a_warp() => Fails("too_few_lanes", 32, 0, 16, "mma_bf16_16x8x16", "failures.cu:43");

    [Test]
    public void A_division_by_zero() => Fails("divides", 1, 0, 0, "integer division by zero", "failures.cu:48");

    [Test]
    public void More_threads_or_shared_memory_than_a_block_may_have()
    {
        Fails("reads_beyond", 1025, 0, 0, "1025 threads");
        Fails("reads_beyond", 32, 200 * 1024, 0, "shared memory");
    }

    private void Fails(string kernel, int threads, int sharedBytes, int number, params string[] words)
    {
        var y = _failures.Floats(new float[64]);
        var failure = Assert.Throws<LdaeException>(() => _failures.Launch(kernel, 1, threads, sharedBytes, [y], number))!;
        foreach (var word in words)
        {
            Assert.That(failure.Message, Does.Contain(word));
        }

        _failures.Launch("reads_beyond", 1, 64, 0, [y], 0);
        Assert.That(_failures.Read(y), Has.Length.EqualTo(64));
    }
}
