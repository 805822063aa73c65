namespace LDaeCore.Model.Recipes;

/// <summary>Which fields of a recipe are the experiment itself, and which a run may change when it goes on.</summary>
public static class Experiment
{
    /// <summary>How the same experiment is computed: a run may go on with a device that computes another way.</summary>
    public const string Precision = "train.precision";

    /// <summary>Fields that say how long a run is, then those that say what it writes how often.</summary>
    public static IReadOnlyList<string> Free { get; } =
        ["train.steps", "train.epochs", "train.minutes", "train.logEvery", "train.checkpointEvery", "train.keep"];

    /// <summary>The first field in which a recipe is another experiment than a run's.</summary>
    /// <param name="run">What the run was started with, resolved.</param>
    /// <param name="given">The recipe, resolved; numbers that it leaves to the images are the run's.</param>
    /// <returns>The field's name and both its values as text; null where the two are the same experiment.</returns>
    public static (string Field, string Run, string Given)? Difference(Recipe run, Recipe given)
    {
        if (given.Tokenizer.Dim == 0)
        {
            // The number that the data chose is written into the run.
            given = given with { Tokenizer = given.Tokenizer with { Dim = run.Tokenizer.Dim } };
        }

        if (given.Conditioning.Classes == 0)
        {
            given = given with { Conditioning = given.Conditioning with { Classes = run.Conditioning.Classes } };
        }

        foreach (var field in RecipeFields.All.Where(field => field.Group is not ("probe" or "cuda") && field.Name != Precision && !Free.Contains(field.Name)))
        {
            var (old, now) = (field.Get(run), field.Get(given));
            if (old != now && !(field.Name == "train.knnEvery" && run.Train.KnnEvery > 0 && given.Train.KnnEvery > 0))
            {
                return (field.Name, old, now);
            }
        }

        return null;
    }
}
