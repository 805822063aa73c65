using LDaeCore.Engine.Backends.Cuda;
using LDaeCore.Engine.Backends.Profiling;
using LDaeCore.Engine.Errors;
using LDaeCore.Engine.Interop;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Cuda;

/// <summary>Where native libraries are looked for, and what a user is told when they are missing, wrong or too old.</summary>
public sealed class LibrarySearchTests : FolderPerTest
{
    private readonly Dictionary<string, string> _environment = [];

    [SetUp]
    public void ForgetVariables() => _environment.Clear();

    [Test]
    public void Nothing_installed_says_where_it_was_looked_for_and_what_to_install()
    {
        var error = Assert.Throws<LdaeException>(() => NativeLibraries.Load(Search()))!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Kind, Is.EqualTo(ErrorKind.Device));
            foreach (var place in (string[])["CUDA driver", "libcuda.so.1", "LDAE_CUDA_PATH", "CUDA_PATH", "CUDA_HOME", "cuda*/lib64", "Python"])
            {
                Assert.That(error.Message, Does.Contain(place));
            }

            Assert.That(error.Remedy, Does.Contain("NVIDIA's driver"));
        }
    }

    [Test]
    public void Each_missing_library_has_its_own_remedy()
    {
        var reports = CudaLibraryReport.Of(Search());
        using (Assert.EnterMultipleScope())
        {
            Assert.That(reports.Select(r => r.Title), Is.EqualTo(new[] { "CUDA driver", "NVRTC", "cuBLASLt", "NCCL", "NVTX" }));
            Assert.That(reports.Select(r => r.Problem), Has.All.Contains("not found"));
            Assert.That(reports.Select(r => r.Remedy).Distinct().Count(), Is.EqualTo(5));
            Assert.That(reports.Select(r => r.Required), Is.EqualTo(new[] { true, true, true, false, false }));
        }
    }

    [Test]
    public void A_file_that_is_no_library_is_named_and_passed_over()
    {
        var folder = NewFolder("broken");
        File.WriteAllText(Path.Combine(folder, "libcuda.so.1"), "not a library");
        FakeLibrary.Place(NewFolder("good"), "libcuda.so.1");
        _environment["LDAE_CUDA_PATH"] = folder;
        Assert.That(Search().Find(LibraryKind.Driver).Tried, Has.Some.Contains(Path.Combine(folder, "libcuda.so.1")));
        _environment["CUDA_PATH"] = NewFolder("good");
        Assert.That(Search().Find(LibraryKind.Driver).Library!.Path, Is.EqualTo(Path.Combine(Folder.Path, "good", "libcuda.so.1")));
    }

    [Test]
    public void Another_library_under_the_name_is_told_by_its_functions()
    {
        var folder = NewFolder("other");
        var other = File.ReadLines("/proc/self/maps").Select(line => line[Math.Max(0, line.IndexOf('/'))..]).First(path => path.Contains("libm.so", StringComparison.Ordinal));
        File.Copy(other, Path.Combine(folder, "libnvrtc.so.12"));
        _environment["LDAE_CUDA_PATH"] = folder;
        Assert.That(Search().Find(LibraryKind.Nvrtc).Tried, Has.Some.Contains("no function nvrtcVersion"));
    }

    [Test]
    public void Places_are_searched_in_the_order_of_the_documentation()
    {
        string[] places = ["named", "path/lib64", "home/lib64", "local/cuda-12.8/lib64", "venv/lib/python3.12/site-packages/nvidia/cuda_nvrtc/lib"];
        foreach (var place in places)
        {
            FakeLibrary.Place(Folder[place], "libnvrtc.so.12");
        }

        _environment["LDAE_CUDA_PATH"] = NewFolder("named");
        _environment["CUDA_PATH"] = NewFolder("path");
        _environment["CUDA_HOME"] = NewFolder("home");
        _environment["VIRTUAL_ENV"] = NewFolder("venv");
        foreach (var place in places)
        {
            Assert.That(Search().Find(LibraryKind.Nvrtc).Library?.Path, Is.EqualTo(Path.Combine(Folder.Path, place, "libnvrtc.so.12")));
            File.Delete(Path.Combine(Folder.Path, place, "libnvrtc.so.12"));
        }

        Assert.That(Search().Find(LibraryKind.Nvrtc).Library, Is.Null);
    }

    [TestCase("python/lib/python3.12/site-packages/nvidia/cu13/lib")]
    [TestCase("local/lib/python3.12/dist-packages/nvidia/cu13/lib")]
    public void The_python_that_comes_first_on_the_path_is_an_environment(string place)
    {
        var bin = NewFolder("python/bin");
        FakeLibrary.Place(Folder[place], "libnvrtc.so.13");
        _environment["PATH"] = $"{NewFolder("nothing")}:{bin}";
        Assert.That(Search().Find(LibraryKind.Nvrtc).Library, Is.Null, "no python3 on the path");
        File.WriteAllText(Path.Combine(bin, "python3"), "");
        Assert.That(Search().Find(LibraryKind.Nvrtc).Library!.Path, Is.EqualTo(Path.Combine(Folder.Path, place, "libnvrtc.so.13")));
    }

    [Test]
    public void The_newest_version_in_a_folder_is_taken()
    {
        FakeLibrary.Place(NewFolder("both"), "libcublasLt.so.12", "libcublasLt.so.13");
        _environment["CUDA_HOME"] = NewFolder("both");
        Assert.That(Search().Find(LibraryKind.CublasLt).Library!.Path, Does.EndWith("libcublasLt.so.13"));
    }

    [Test]
    public void A_library_without_a_function_is_too_old()
    {
        FakeLibrary.Place(NewFolder("fake"), "libcuda.so.1");
        _environment["LDAE_CUDA_PATH"] = NewFolder("fake");
        var library = Search().Find(LibraryKind.Driver).Require();
        var error = Assert.Throws<LdaeException>(() => library.Export("cuSomethingNewer"))!;
        Assert.That(error.Message, Does.Contain("cuSomethingNewer").And.Contain(library.Path));
        Assert.That(error.Kind, Is.EqualTo(ErrorKind.Device));
    }

    [Test]
    public void NVRTC_without_its_builtins_says_which_file_goes_where()
    {
        var nvrtc = Fakes().Nvrtc;
        var error = Assert.Throws<LdaeException>(() => nvrtc.Compile("kernels/x.cu", "", [], [], wantsPtx: false))!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Kind, Is.EqualTo(ErrorKind.Device));
            Assert.That(error.Message, Does.Contain("libnvrtc-builtins.so.13.0").And.Contain(FakeLibrary.CompilerLog));
            Assert.That(error.Remedy, Does.Contain("libnvrtc-builtins.so.13.0").And.Contain(nvrtc.Library.Path));
        }
    }

    [Test]
    public void A_driver_too_old_for_the_cubin_says_so()
    {
        var device = CudaDevice.Open(Fakes());
        using var context = new CudaContext(device);
        var error = Assert.Throws<LdaeException>(() => new CudaModule(context, [1, 2, 3], "layernorm sm_80"))!;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(error.Kind, Is.EqualTo(ErrorKind.Device));
            Assert.That(error.Message, Does.Contain("cuModuleLoadData(layernorm sm_80, 3 bytes)").And.Contain("200"));
            Assert.That(error.Remedy, Does.Contain("Update NVIDIA's driver"));
        }
    }

    [Test]
    public void A_GPU_that_does_not_exist_is_named()
    {
        var error = Assert.Throws<LdaeException>(() => CudaDevice.Open(Fakes(), 3))!;
        Assert.That(error.Message, Does.Contain("no GPU number 3"));
        Assert.That(error.Remedy, Does.Contain("cuda:0"));
    }

    [Test]
    public void The_device_of_found_libraries_is_cuda() => Assert.That(CudaDevice.Open(Fakes()).Kind, Is.EqualTo(DeviceKind.Cuda));

    [Test]
    public void Names_of_ranges_reach_nvtx_where_it_is_installed()
    {
        Assert.That(Fakes().Nvtx, Is.Null);
        FakeLibrary.Place(NewFolder("nvidia"), "libnvToolsExt.so.1");
        var nvtx = NativeLibraries.Load(Search()).Nvtx!;
        Assert.That(nvtx.Library.Path, Is.EqualTo(Path.Combine(Folder.Path, "nvidia", "libnvToolsExt.so.1")));
        using (Ranges.Listen(nvtx))
        {
            using var step = Ranges.Open("step");
            using (Ranges.Open("forward"))
            {
                Assert.That(FakeLibrary.OpenRanges(nvtx.Library), Is.EqualTo("step/forward"));
            }

            Assert.That(FakeLibrary.OpenRanges(nvtx.Library), Is.EqualTo("step"));
        }

        using var unheard = Ranges.Open("not told");
        Assert.That(FakeLibrary.OpenRanges(nvtx.Library), Is.Empty);
    }

    private NativeLibraries Fakes()
    {
        FakeLibrary.Place(NewFolder("nvidia"), "libcuda.so.1", "libnvrtc.so.13", "libcublasLt.so.13");
        _environment["LDAE_CUDA_PATH"] = NewFolder("nvidia");
        return NativeLibraries.Load(Search());
    }

    private LibrarySearch Search() => new(_environment.GetValueOrDefault, Folder["local"], useLoader: false);

    private string NewFolder(string name) => Directory.CreateDirectory(Folder[name]).FullName;
}
