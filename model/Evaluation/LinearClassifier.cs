using LDaeCore.Engine.Backends;
using LDaeCore.Engine.Distributed;
using LDaeCore.Engine.Optim;
using LDaeCore.Engine.Parameters;
using LDaeCore.Engine.Tensors;

namespace LDaeCore.Model.Evaluation;

/// <summary>
/// Several softmax classifiers on the same features, trained side by side: their weights are parameters of their own and together the rows of one matrix, so that a
/// whole sweep of learning rates and weight decays costs one matrix product a step. Several processes take a part of each batch and sum the gradients.
/// </summary>
internal sealed class LinearClassifier : IDisposable
{
    private const int BatchSize = 512;
    private const double StartStd = 0.01;

    private readonly IBackend _backend;
    private readonly int _channels, _classes, _members;
    private readonly ulong _seed;
    private readonly List<PersistentTensor> _owned = [];
    private readonly ParameterSet _parameters;
    private readonly Parameter[] _weights, _biases;
    private readonly Tensor _weight, _bias, _dWeight, _dBias, _x, _logits, _dLogits, _labels, _loss, _share;
    private readonly ICommunicator _group;

    public LinearClassifier(IBackend backend, int channels, int classes, int members, ulong seed, ICommunicator? group = null)
    {
        _group = group ?? SingleProcess.Instance;
        (_backend, _channels, _classes, _members, _seed) = (backend, channels, classes, members, seed);
        var rows = members * classes;
        _parameters = new ParameterSet(backend);
        _weights = Declare("weight", new Shape(classes, channels));
        _biases = Declare("bias", new Shape(classes));
        _parameters.Allocate();
        Tensor All(Tensor flat, Parameter[] members) => flat.Slice((int)members[0].Offset, (int)members.Sum(member => member.Shape.Count));
        (_weight, _dWeight) = (All(_parameters.Values, _weights).Reshape(rows, channels), All(_parameters.Gradients, _weights).Reshape(rows, channels));
        (_bias, _dBias) = (All(_parameters.Values, _biases), All(_parameters.Gradients, _biases));
        (_x, _logits, _dLogits) = (New(BatchSize, channels), New(BatchSize, rows), New(BatchSize, rows));
        (_loss, _share) = (New(1), New(1));
        _labels = New(DType.I32, BatchSize * members);

        // All members start alike, so that they differ by their settings only.
        var start = new double[classes * channels];
        Initializer.Normal(StartStd).Fill(seed, 0, start);
        foreach (var weight in _weights)
        {
            weight.Value.Write(backend, start);
        }
    }

    /// <summary>Trains every member with its own learning rate and weight decay: AdamW, half a cosine, batches of 512.</summary>
    public void Train(FeatureSet features, IReadOnlyList<(double LearningRate, double WeightDecay)> settings, int epochs, CancellationToken cancellation = default)
    {
        var batch = Math.Min(BatchSize, features.Count);
        var perEpoch = features.Count / batch;
        var order = Enumerable.Range(0, features.Count).ToArray();
        var (from, to) = SharedFeatures.Part(_group, batch);
        var rows = new float[(to - from) * _channels];
        var labels = new int[(to - from) * _members];
        var total = (long)perEpoch * epochs;
        ParameterSettings SettingsOf(Parameter parameter) => Array.IndexOf(_weights, parameter) is >= 0 and var member
            ? new(settings[member].LearningRate, settings[member].WeightDecay)
            : new(settings[Array.IndexOf(_biases, parameter)].LearningRate, 0);
        using var optimizer = new AdamW(_parameters, new OptimizerOptions { Settings = SettingsOf }, separate: true) { Epsilon = 1e-12 };
        for (var step = 0L; step < total; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            if (step % perEpoch == 0)
            {
                Shuffle(order, (uint)(step / perEpoch));
            }

            Gather(features, order.AsSpan(((int)(step % perEpoch) * batch) + from, to - from), rows, labels);
            Gradients(rows, labels, to - from, batch);
            optimizer.Step(LearningRateSchedule.At(step, total, 0, 1));
        }
    }

    /// <summary>Accuracy of every member.</summary>
    public ClassificationAccuracy[] Evaluate(FeatureSet features)
    {
        var ranks = new int[_members, 2];
        var logits = new float[BatchSize * _members * _classes];
        var (from, to) = SharedFeatures.Part(_group, features.Count);
        for (var first = from; first < to; first += BatchSize)
        {
            var count = Math.Min(BatchSize, to - first);
            var x = _x.Slice(0, count);
            x.Write(_backend, features.Values.AsSpan(first * _channels, count * _channels));
            var result = _logits.Slice(0, count);
            _backend.MatMul(new MatMulArgs(x, false, _weight, true, result) { Bias = _bias });
            result.ReadFloats(_backend).CopyTo(logits, 0);
            for (var i = 0; i < count; i++)
            {
                for (var member = 0; member < _members; member++)
                {
                    var row = logits.AsSpan(((i * _members) + member) * _classes, _classes);
                    var rank = Rank(row, features.Labels[first + i]);
                    ranks[member, 0] += rank < 1 ? 1 : 0;
                    ranks[member, 1] += rank < 5 ? 1 : 0;
                }
            }
        }

        // Every process chooses by the counts of all.
        var all = _group.Gather([.. ranks.Cast<int>().Select(count => (double)count)]);
        double Share(int at) => 100.0 * Enumerable.Range(0, _group.Size).Sum(rank => all[(rank * ranks.Length) + at]) / features.Count;
        return [.. Enumerable.Range(0, _members).Select(m => new ClassificationAccuracy(Share(2 * m), Share((2 * m) + 1)))];
    }

    /// <summary>The class with the largest logit of each row, by the only member.</summary>
    public int[] Predict(FeatureSet features)
    {
        var predicted = new int[features.Count];
        for (var first = 0; first < features.Count; first += BatchSize)
        {
            var count = Math.Min(BatchSize, features.Count - first);
            var x = _x.Slice(0, count);
            x.Write(_backend, features.Values.AsSpan(first * _channels, count * _channels));
            var result = _logits.Slice(0, count);
            _backend.MatMul(new MatMulArgs(x, false, _weight, true, result) { Bias = _bias });
            var logits = result.ReadFloats(_backend);
            for (var i = 0; i < count; i++)
            {
                predicted[first + i] = TensorPrimitives.IndexOfMax<float>(logits.AsSpan(i * _classes, _classes));
            }
        }

        return predicted;
    }

    public void Dispose()
    {
        _owned.ForEach(o => o.Dispose());
        _parameters.Dispose();
    }

    /// <summary>Number of classes whose logit is above the label's; ties count against the label.</summary>
    private static int Rank(ReadOnlySpan<float> logits, int label)
    {
        var rank = 0;
        for (var c = 0; c < logits.Length; c++)
        {
            // Written so that a logit that is not a number counts as above.
            rank += c != label && !(logits[c] < logits[label]) ? 1 : 0;
        }

        return rank;
    }

    private void Gather(FeatureSet features, ReadOnlySpan<int> indices, float[] rows, int[] labels)
    {
        for (var i = 0; i < indices.Length; i++)
        {
            features.Row(indices[i]).CopyTo(rows.AsSpan(i * _channels));
            labels.AsSpan(i * _members, _members).Fill(features.Labels[indices[i]]);
        }
    }

    private void Gradients(float[] rows, int[] labels, int count, int batch)
    {
        if (count > 0)
        {
            Gradients(rows, labels, count, (double)count / batch);
        }
        else
        {
            // More processes than rows.
            _backend.Fill(_dWeight, 0);
            _backend.Fill(_dBias, 0);
        }

        _group.BeginSum(_dWeight);
        _group.BeginSum(_dBias);
        _group.FinishSums();
    }

    private void Gradients(float[] rows, int[] labels, int count, double share)
    {
        var (x, logits, dLogits) = (_x.Slice(0, count), _logits.Slice(0, count), _dLogits.Slice(0, count));
        x.Write(_backend, rows);
        var y = _labels.Slice(0, labels.Length);
        _backend.Upload<int>(labels, y);
        _backend.MatMul(new MatMulArgs(x, false, _weight, true, logits) { Bias = _bias });
        _backend.SoftmaxCrossEntropy(
            logits.Reshape(labels.Length, _classes), y, _loss, dLogits.Reshape(labels.Length, _classes));
        if (share < 1)
        {
            // The mean ran over this process's rows; the sum over processes is to be the mean over the batch.
            _backend.Fill(_share, share);
            _backend.Scale(dLogits, _share);
        }

        // The mean ran over all members; each wants the mean over its own rows. Adam does not see the factor but for epsilon.
        _backend.MatMul(new MatMulArgs(dLogits, true, x, false, _dWeight));
        _backend.SumRows(dLogits, _dBias, false);
    }

    /// <summary>A parameter of each member, one directly behind the other.</summary>
    private Parameter[] Declare(string name, Shape shape) =>
        [.. Enumerable.Range(0, _members).Select(member => _parameters.Declare($"members.{member}.{name}", shape, Initializer.Zeros, member == 0 ? 16 : 1))];

    private void Shuffle(int[] order, uint epoch)
    {
        for (var i = order.Length - 1; i > 0; i--)
        {
            var j = (int)Philox.Below(Philox.Word(_seed, RandomStream.Shuffle, epoch, (ulong)i), (uint)i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }
    }

    private Tensor New(params int[] sizes) => New(_backend.ActivationType, sizes);

    private Tensor New(DType type, params int[] sizes)
    {
        var tensor = new PersistentTensor(_backend, new Shape(sizes), type);
        _owned.Add(tensor);
        return tensor.Tensor;
    }
}
