using LDaeCore.Engine.Autograd;
using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Ops;
using LDaeCore.Engine.Optim;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;
using LDaeCore.Model.Data;
using LDaeCore.Model.Layers;
using LDaeCore.Model.Networks;

namespace LDaeCore.Tests.Model;

/// <summary>A plain ViT classifier made of the engine's and the model's own parts: patches, blocks, normalisation, mean pool, cross-entropy, AdamW.</summary>
internal sealed class SupervisedVit : IDisposable
{
    private readonly IBackend _backend;
    private readonly int _side, _patch, _batch, _classes;
    private readonly ParameterSet _parameters;
    private readonly DenoisingTransformer _network;
    private readonly LinearLayer _head;
    private readonly Parameter _normWeight, _normBias;
    private readonly Tensor _first, _second;
    private readonly PersistentTensor _images, _labels, _time, _range, _norm, _clip;
    private readonly StepArena _arena;

    public SupervisedVit(IBackend backend, int side, int patch, int width, int depth, int batch, int classes, ulong seed)
    {
        (_backend, _side, _patch, _batch, _classes) = (backend, side, patch, batch, classes);
        _parameters = new ParameterSet(backend);
        _network = new DenoisingTransformer(_parameters, new NetworkShape
        {
            Width = width,
            Depth = depth,
            EncoderDepth = depth - 1,
            Heads = width / 32,
            MlpRatio = 2,
            Grid = side / patch,
            InputSize = patch * patch * 3,
            OutputSize = patch * patch * 3,
        });
        _head = new LinearLayer(_parameters, "head", width, classes);
        _normWeight = _parameters.Declare("norm.weight", new Shape(width), Initializer.Constant(1));
        _normBias = _parameters.Declare("norm.bias", new Shape(width), Initializer.Zeros);
        _parameters.Allocate();
        _parameters.Initialize(seed);
        (_first, _second) = (_parameters.NewFlat(), _parameters.NewFlat());
        _images = new PersistentTensor(backend, new Shape(batch, side, side, 3), DType.U8);
        _labels = new PersistentTensor(backend, new Shape(batch), DType.I32);
        _time = new PersistentTensor(backend, new Shape(batch), backend.ParameterType);
        _range = new PersistentTensor(backend, new Shape(2, 3), backend.ParameterType);
        _range.Tensor.Write(backend, [2 / 255.0, 2 / 255.0, 2 / 255.0, -1.0, -1.0, -1.0]);
        (_norm, _clip) = (new PersistentTensor(backend, new Shape(1), backend.ParameterType), new PersistentTensor(backend, new Shape(1), backend.ParameterType));
        _arena = new StepArena(backend, 1L << 29, ArenaMode.Packed);
    }

    /// <summary>Trains on a source; returns the mean loss of the last tenth.</summary>
    public double Train(IImageSource source, int steps, double learningRate)
    {
        int[] all = [.. Enumerable.Range(0, source.Count)];
        using var loader = new BatchLoader(
            source, all, new Augmentation(_side, RandomCrop: false, 1, Flip: false), _batch, 1, cacheBytes: DecodedImages.Budget(source, all, DecodedImages.Most));
        var late = 0.0;
        for (var step = 0; step < steps; step++)
        {
            var batch = loader.Next();
            var loss = Step(batch, step, LearningRateSchedule.At(step, steps, steps / 10, learningRate));
            loader.Return(batch);
            late += step >= steps * 9 / 10 ? loss / (steps - (steps * 9 / 10)) : 0;
        }

        return late;
    }

    /// <summary>Share of a source's images that are told right, percent.</summary>
    public double Accuracy(IImageSource source)
    {
        var right = 0;
        foreach (var batch in CenterBatches.Read(source, [.. Enumerable.Range(0, source.Count)], _side, _batch))
        {
            var tape = new Tape(_backend, _arena);
            _backend.Upload<byte>(batch.Pixels, _images.Tensor);
            var logits = tape.WithoutRecording(() => [Logits(tape)])[0].ReadFloats(_backend);
            _arena.Reset();
            for (var i = 0; i < batch.Count; i++)
            {
                var row = logits.AsSpan(i * _classes, _classes);
                right += row.IndexOf(row.ToArray().Max()) == batch.Labels[i] ? 1 : 0;
            }
        }

        return 100.0 * right / source.Count;
    }

    public void Dispose()
    {
        _arena.Dispose();
        foreach (var tensor in (PersistentTensor[])[_images, _labels, _time, _range, _norm, _clip])
        {
            tensor.Dispose();
        }

        _network.Dispose();
        _parameters.Dispose();
    }

    private Tensor Logits(Tape tape)
    {
        var patches = Patchify.Apply(tape, _images.Tensor, _patch, _range.Tensor);
        var tokens = _network.Encode(tape, patches, _time.Tensor, _network.Shape.Depth);
        return _head.Apply(tape, MeanPool.Apply(tape, Normalization.Apply(tape, tokens, weight: _normWeight.Value, bias: _normBias.Value)));
    }

    private double Step(ImageBatch batch, int step, double learningRate)
    {
        _backend.Upload<byte>(batch.Pixels, _images.Tensor);
        _backend.Upload<int>(batch.Labels, _labels.Tensor);
        _parameters.ForgetGradients();
        var tape = new Tape(_backend, _arena);
        var loss = SoftmaxCrossEntropy.Apply(tape, Logits(tape), _labels.Tensor);
        var value = loss.ReadDoubles(_backend)[0];
        tape.Backward(loss);
        _arena.Reset();
        _parameters.ZeroUntouchedGradients();
        _backend.GlobalNorm(_parameters.Gradients, 1, _norm.Tensor, _clip.Tensor);
        _backend.AdamW(new AdamWArgs(_parameters.Values, _parameters.Gradients, _first, _second, _clip.Tensor)
        {
            LearningRate = learningRate,
            Beta1 = 0.9,
            Beta2 = 0.98,
            Epsilon = 1e-8,
            Step = step + 1,
        });
        return value;
    }
}
