using LDaeCore.Engine.Interop;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>
/// The op cases and the kernels beside them under the address sanitizer: the same tests on the emulated device, in child processes.
/// The cases' shapes are small enough to be run whole, so every specialisation that they use is compiled sanitized too.
/// </summary>
public sealed class SanitizedCaseTests
{
    private const string Float32 = nameof(BackendTests.Results_and_gradients_agree_with_the_reference_in_float32);
    private const string Bf16 = nameof(BackendTests.Results_and_gradients_are_as_good_as_bf16_allows);

    // Both at once: most of their time is g++'s.
    private static readonly Lazy<Task<SanitizedChild.Outcome[]>> Children = new(() => Task.WhenAll(
        SanitizedChild.Run($"FullyQualifiedName~{nameof(EmulatedBackendTests)}.{Float32}|FullyQualifiedName~{nameof(DataKernelTests)}", sanitized: true),
        SanitizedChild.Run($"FullyQualifiedName~{nameof(EmulatedBackendTests)}.{Bf16}", sanitized: true)));

    [Test]
    public async Task No_case_in_float32_touches_what_is_not_its_own() => Holds((await Children.Value)[0], Float32);

    [Test]
    public async Task No_case_in_bf16_touches_what_is_not_its_own() => Holds((await Children.Value)[1], Bf16);

    [Test]
    public async Task Every_kernel_was_launched()
    {
        var launched = (await Children.Value).SelectMany(child => child.Kernels);
        var all = KernelSources.Families.SelectMany(family => KernelSources.Entries(KernelSources.Family(family)));
        Assert.That(all.Except(launched), Is.Empty);
    }

    [Test]
    [Category("Long")]
    public async Task No_other_shape_of_rows_patches_and_heads_touches_what_is_not_its_own()
    {
        var others = await SanitizedChild.Run(
            $"(FullyQualifiedName~{nameof(LongRowTests)}|FullyQualifiedName~{nameof(AttentionTests)})&TestCategory!=Long", sanitized: true);
        Assert.That(others.Complaint, Is.Empty);
    }

    private static void Holds(SanitizedChild.Outcome outcome, string method)
    {
        Assert.That(outcome.Complaint, Is.Empty);
        Assert.That(
            CudaCases.All().Select(opCase => $"{typeof(EmulatedBackendTests).FullName}.{method}({opCase.Arguments[0]})"), Is.SubsetOf(outcome.Tests), "cases that did not run");
    }
}
