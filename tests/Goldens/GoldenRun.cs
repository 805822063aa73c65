using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using NUnit.Framework;

namespace LDaeCore.Tests.Goldens;

/// <summary>One golden file on one backend: gives its inputs as tensors, takes results, and knows what was not compared yet.</summary>
internal sealed class GoldenRun : IDisposable
{
    private readonly double _tolerance;
    private readonly string _prefix;
    private readonly HashSet<string> _pending;
    private readonly Dictionary<string, Tensor> _inputs = [];
    private readonly StepArena _arena;

    /// <summary>Opens the file.</summary>
    /// <param name="backend">Who computes.</param>
    /// <param name="file">Name without folder and ending.</param>
    /// <param name="prefix">What our parameters' names have in front of the file's.</param>
    public GoldenRun(GoldenBackend backend, string file, string prefix = "")
    {
        File = GoldenFile.Open(file);
        _prefix = prefix;
        Backend = backend.New();
        Parameters = new ParameterSet(Backend);
        _tolerance = backend.Tolerance;
        _pending = File.Names.Where(n => n.StartsWith("out.", StringComparison.Ordinal) || IsGradient(n)).ToHashSet();
        _arena = new StepArena(Backend, long.MaxValue, ArenaMode.Guard);
        Tape = NewTape();
    }

    public GoldenFile File { get; }

    public IBackend Backend { get; }

    public ParameterSet Parameters { get; }

    public Tape Tape { get; }

    public Tape NewTape() => new(Backend, _arena);

    /// <summary>An input under the file's shape or another; differentiated when the file holds its gradient.</summary>
    public Tensor Input(string name, DType? dtype = null, params ReadOnlySpan<int> sizes)
    {
        var shape = sizes.IsEmpty ? new Shape(File.Sizes($"in.{name}")) : new Shape(sizes);
        var tensor = Tape.New(shape, dtype, File.Has($"din.{name}"));
        tensor.Write(Backend, File.Values($"in.{name}"));
        _inputs.Add(name, tensor);
        return tensor;
    }

    /// <summary>An input that a layer keeps in the parameter type.</summary>
    public Tensor ParameterInput(string name) => Input(name, Backend.ParameterType);

    /// <summary>Gives the declared parameters the file's values; both must have the same names and shapes.</summary>
    public void LoadParameters()
    {
        var expected = File.Names.Where(n => n.StartsWith("grad.", StringComparison.Ordinal)).Select(n => _prefix + n["grad.".Length..]);
        Assert.That(Parameters.All.Select(p => p.Name), Is.EquivalentTo(expected));
        Parameters.Allocate();
        foreach (var p in Parameters.All)
        {
            Assert.That(p.Shape, Is.EqualTo(new Shape(File.Sizes(NameInFile(p)))), p.Name);
            p.Value.Write(Backend, File.Values(NameInFile(p)));
        }
    }

    /// <summary>Compares a result, then sends the file's gradient back from it and compares all that arrives.</summary>
    public void CompareThroughBackward(Tensor y)
    {
        Compare("out.y", y.ReadDoubles(Backend));
        Parameters.ForgetGradients();
        SendBack(y);
        CompareInputGradients();
        foreach (var p in Parameters.All)
        {
            Compare($"grad.{NameInFile(p)}", p.Gradient.ReadDoubles(Backend));
        }
    }

    /// <summary>The backward pass from y. Results of y beyond the file's get no gradient.</summary>
    public void SendBack(Tensor y)
    {
        var incoming = File.Values("dout.y");
        Array.Resize(ref incoming, (int)y.Shape.Count);
        Tape.Outgoing(y, out _).Write(Backend, incoming);
        Tape.Backward();
    }

    public void CompareInputGradients()
    {
        foreach (var (name, tensor) in _inputs.Where(i => File.Has($"din.{i.Key}")))
        {
            Compare($"din.{name}", GradientOf(tensor));
        }
    }

    public double[] GradientOf(Tensor input) => Tape.Incoming(input)?.ReadDoubles(Backend) ?? [];

    public void Compare(string name, ReadOnlySpan<double> actual)
    {
        var error = GoldenComparison.Error(File.Values(name), actual);
        Assert.That(error, Is.LessThanOrEqualTo(_tolerance), $"{File.Name}: {name}");
        _pending.Remove(name);
    }

    /// <summary>Fails when the file holds a result or a gradient that was not compared.</summary>
    public void Finish() => Assert.That(_pending, Is.Empty, $"{File.Name}: never compared");

    public void Dispose()
    {
        _arena.Dispose();
        Parameters.Dispose();
        Backend.Dispose();
    }

    private string NameInFile(Parameter parameter) => parameter.Name[_prefix.Length..];

    private static bool IsGradient(string name) =>
        name.StartsWith("grad.", StringComparison.Ordinal) || name.StartsWith("din.", StringComparison.Ordinal);
}
