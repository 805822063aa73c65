using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Interop;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>
/// The compiler gate: every kernel with every specialisation compiles for Ampere and Hopper, spills nothing, and stays within the
/// committed budget. Needs NVRTC and no GPU.
/// </summary>
[Parallelizable(ParallelScope.Children)]
public sealed class NvrtcGateTests
{
    private static readonly string[] Architectures = ["sm_80", "sm_90a"];

    private static readonly Lazy<LibraryFinding> Found = new(() => CompilerSearch().Find(LibraryKind.Nvrtc));

    private readonly KernelBudget _written = new();

    private static IEnumerable<TestCaseData> Cases() =>
        from kernel in KernelSpecialisations.All
        from architecture in Architectures
        let specification = new KernelSpecification(kernel.Family, kernel.Constants, architecture)
        select new TestCaseData(specification).SetArgDisplayNames(specification.ToString());

    [TestCaseSource(nameof(Cases))]
    public void Compiles_within_its_budget(object specification)
    {
        var kernel = (KernelSpecification)specification;
        var nvrtc = Compiler();
        var compiled = new CudaRuntimeCompiler(nvrtc).Compile(kernel);
        var resources = KernelResources.Parse(compiled.Log);
        Assert.That(resources.Keys, Is.EquivalentTo(KernelSources.Entries(KernelSources.Family(kernel.Family))), $"kernels in the report\n{compiled.Log}");
        Assert.That(resources.Where(r => r.Value.SpillBytes > 0), Is.Empty, "kernels that spill");
        if (KernelBudget.Writes)
        {
            Keep(kernel.ToString(), resources);
            return;
        }

        if (nvrtc.Version != KernelBudget.Compiler)
        {
            Assert.Warn($"NVRTC {nvrtc.Version} allots registers its own way; the budget holds for {KernelBudget.Compiler} and was not compared.");
            return;
        }

        var budget = KernelBudget.Read();
        foreach (var (name, taken) in resources)
        {
            Assert.That(Fits(taken, budget.Find(kernel.ToString(), name)), Is.Empty, name);
        }
    }

    [Test]
    public void The_budget_names_what_exists_and_nothing_else()
    {
        if (KernelBudget.Writes)
        {
            Assert.Ignore("The budget is being written.");
        }

        var budget = KernelBudget.Read();
        var specifications = Cases().Select(c => (KernelSpecification)c.Arguments[0]!).ToList();
        Assert.That(budget.Specialisations, Is.EquivalentTo(specifications.Select(s => s.ToString())), $"run again with {KernelBudget.WriteVariable}=1 and review the difference");
        using (Assert.EnterMultipleScope())
        {
            foreach (var specification in specifications)
            {
                Assert.That(
                    budget.Kernels(specification.ToString()), Is.EquivalentTo(KernelSources.Entries(KernelSources.Family(specification.Family))), specification.ToString());
            }
        }
    }

    [Test]
    public void Every_family_is_compiled_here() =>
        Assert.That(KernelSpecialisations.All.Select(kernel => kernel.Family).Distinct(), Is.EquivalentTo(KernelSources.Families));

    [TestCase("extra registers", 41, 0, 0, "registers")]
    [TestCase("extra shared memory", 40, 1, 0, "shared")]
    [TestCase("extra stack", 40, 0, 8, "stack")]
    public void A_kernel_that_outgrows_its_budget_is_named(string why, int registers, int shared, int stack, string what) =>
        Assert.That(Fits(new KernelResources(registers, shared, stack, 0), new KernelResources(40, 0, 0, 0)), Does.Contain(what), why);

    [Test]
    public void The_report_is_read_with_its_spills()
    {
        const string Log = """
            ptxas info    : 0 bytes gmem
            ptxas info    : Compiling entry function 'first' for 'sm_80'
            ptxas info    : Function properties for first
                16 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
            ptxas info    : Used 255 registers, 1024 bytes smem, 388 bytes cmem[0]
            ptxas info    : Compiling entry function 'second' for 'sm_80'
            ptxas info    : Function properties for second
                0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
            ptxas info    : Used 18 registers, 388 bytes cmem[0]
            """;
        var resources = KernelResources.Parse(Log);
        Assert.That(resources["first"], Is.EqualTo(new KernelResources(255, 1024, 16, 20)));
        Assert.That(resources["second"], Is.EqualTo(new KernelResources(18, 0, 0, 0)));
    }

    [OneTimeTearDown]
    public void Write()
    {
        if (KernelBudget.Writes && _written.Specialisations.Any())
        {
            _written.Write();
        }
    }

    internal static LibrarySearch CompilerSearch()
    {
        // The folder that tools/fetch-nvrtc.sh prints comes first: the budget holds for that compiler.
        var fetched = Environment.GetEnvironmentVariable("LDAE_NVRTC");
        return new LibrarySearch(name => name == "LDAE_CUDA_PATH" && fetched is { Length: > 0 } ? fetched : Environment.GetEnvironmentVariable(name));
    }

    internal static Nvrtc Compiler()
    {
        if (Found.Value.Library is null)
        {
            Requirement.Missing(Requirement.Nvrtc, $"it was not found ({string.Join("; ", Found.Value.Tried)}); tools/test.sh fetches it on a Debian machine");
        }

        return new Nvrtc(Found.Value.Library!);
    }

    private static string Fits(KernelResources taken, KernelResources? budget)
    {
        if (budget is null)
        {
            return $"is not in {KernelBudget.Path}; run again with {KernelBudget.WriteVariable}=1 and review the difference";
        }

        List<string> over = [];
        void Compare(string what, int used, int allowed)
        {
            if (used > allowed)
            {
                over.Add($"{used} {what}, {allowed} budgeted");
            }
        }

        Compare("registers", taken.Registers, budget.Registers);
        Compare("bytes of shared memory", taken.SharedBytes, budget.SharedBytes);
        Compare("bytes of stack", taken.StackBytes, budget.StackBytes);
        return string.Join("; ", over);
    }

    private void Keep(string specialisation, IReadOnlyDictionary<string, KernelResources> resources)
    {
        lock (_written)
        {
            foreach (var (name, taken) in resources)
            {
                _written.Set(specialisation, name, taken);
            }
        }
    }
}
