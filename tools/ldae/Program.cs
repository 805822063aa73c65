Console.WriteLine("ldae");
