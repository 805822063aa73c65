using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Layers;
using LDaeCore.Model.Methods.Autoencoders;
using LDaeCore.Model.Methods.LatentDenoising;
using LDaeCore.Model.Networks;
using LDaeCore.Model.Recipes;

namespace LDaeCore.Tests.Model;

/// <summary>A whole system, l-DAE unless told otherwise, small enough for finite differences: random images, random gates, a random latent space.</summary>
internal sealed class SmallDenoiser : IDisposable
{
    public const int Images = 2, Patch = 2, Grid = 3, Pixels = Patch * Patch * 3, Kept = 5;

    private readonly IBackend _backend;
    private readonly PersistentTensor _images, _range;
    private readonly SmallTokenizer _tokenizer;
    private readonly ObjectiveRecipe _objective;
    private readonly NoiseLevels _levels;
    private readonly StepArena _arena;

    public SmallDenoiser(IBackend backend, bool time = true, bool recompute = false, int width = 8, ObjectiveRecipe? objective = null, bool label = false, bool identity = false)
    {
        _backend = backend;
        _objective = objective ?? new ObjectiveRecipe();
        var kept = identity ? Pixels : Kept;
        Parameters = new ParameterSet(backend);
        Network = new DenoisingTransformer(Parameters, new NetworkShape
        {
            Width = width,
            Depth = 3,
            EncoderDepth = 2,
            Heads = 2,
            Grid = Grid,
            InputSize = _objective.Input == InputSpace.Latent ? kept : Pixels,
            OutputSize = _objective.Output == OutputSpace.Latent ? kept : Pixels,
            TimeWidth = time || label ? 4 : 0,
            TellsTime = time,
            LabelColumns = label ? 8 : 0,
            GateStd = 0.2,
            Recompute = recompute,
        });
        Parameters.Allocate();
        Randomize();
        _images = new PersistentTensor(backend, new Shape(Images, Patch * Grid, Patch * Grid, 3), DType.U8);
        backend.Upload<byte>(Enumerable.Range(0, (int)_images.Tensor.Shape.Count).Select(i => (byte)(i * 37 % 256)).ToArray(), _images.Tensor);
        _range = new PersistentTensor(backend, new Shape(2, 3), backend.ParameterType);
        _range.Tensor.Write(backend, [2 / 255.0, 2 / 255.0, 2 / 255.0, -1.0, -1.0, -1.0]);
        var space = identity
            ? new LatentSpace(backend, Random(3, Pixels, 0.1), null, Enumerable.Repeat(0.6, Pixels).ToArray())
            : new LatentSpace(backend, Random(3, Pixels, 0.1), Axes(), [0.9, 0.7, 0.5, 0.4, 0.3]);
        _tokenizer = new SmallTokenizer(space, _range.Tensor);
        _levels = new NoiseLevels(backend, Images, Network.Shape.LabelColumns);
        _levels.Set([120.0, 700.0], [1.0, 1.0], [0.3, 1.1], [0.8, 0.4]);
        if (label)
        {
            _levels.SetLabels([1, 4]);
        }

        _arena = new StepArena(backend, long.MaxValue, ArenaMode.Guard);
    }

    public ParameterSet Parameters { get; }

    public DenoisingTransformer Network { get; }

    /// <summary>The loss at the current parameters.</summary>
    public double Loss()
    {
        var value = Forward(out _).ReadDoubles(_backend)[0];
        _arena.Reset();
        return value;
    }

    /// <summary>The gradient of every parameter.</summary>
    public Dictionary<string, double[]> Gradients()
    {
        Parameters.ForgetGradients();
        var loss = Forward(out var tape);
        tape.Outgoing(loss, out _).Write(_backend, [1.0, 0, 0]);
        tape.Backward();
        _arena.Reset();
        Parameters.ZeroUntouchedGradients();
        return Parameters.All.ToDictionary(p => p.Name, p => p.Gradient.ReadDoubles(_backend));
    }

    public void Dispose()
    {
        _arena.Dispose();
        _levels.Dispose();
        _tokenizer.Dispose();
        _range.Dispose();
        _images.Dispose();
        Network.Dispose();
        Parameters.Dispose();
    }

    private static double[] Random(uint stream, int count, double scale)
    {
        var values = new double[count];
        for (var i = 0; i < count; i++)
        {
            var (x, y, _, _) = Philox.Block(31, RandomStream.Case, stream, (ulong)i);
            values[i] = (float)(scale * Philox.Normals<double>(x, y).First);
        }

        return values;
    }

    /// <summary>Five orthonormal rows: plane rotations of unit vectors.</summary>
    private static double[] Axes()
    {
        var basis = new double[Kept * Pixels];
        for (var k = 0; k < Kept; k++)
        {
            basis[(k * Pixels) + k] = 0.6;
            basis[(k * Pixels) + k + 6] = 0.8;
        }

        return basis;
    }

    private Tensor Forward(out Tape tape)
    {
        tape = new Tape(_backend, _arena);
        var objective = new LatentDenoising(Network, _tokenizer, 42) { Objective = _objective };
        return objective.Loss(tape, _images.Tensor, _levels, 3, 0);
    }

    private void Randomize()
    {
        foreach (var p in Parameters.All)
        {
            p.Value.Write(_backend, Random(100 + (uint)p.Index, (int)p.Shape.Count, 0.2));
        }
    }

    /// <summary>A latent space of its own, on patches.</summary>
    private sealed class SmallTokenizer(LatentSpace space, Tensor range) : ITokenizer
    {
        public int Dim => (int)space.Std.Shape.Count;

        public int PixelPatch => Patch;

        public long Bytes => Space.Bytes;

        public LatentSpace Space => space;

        public Tensor Tokens(Tape tape, Tensor images) => Patchify.Apply(tape, images, Patch, range);

        public Tensor Decode(Tape tape, Tensor latents) => throw new NotSupportedException("A loss decodes nothing.");

        public void Dispose() => space.Dispose();
    }
}
