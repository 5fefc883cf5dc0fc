//! From the parser's expression to a plan.

use std::collections::BTreeSet;

use promql_parser::{
    label::Labels as Names,
    parser::{
        AggregateExpr, BinaryExpr, Expr, LabelModifier, MatrixSelector, SubqueryExpr, VectorMatchCardinality,
        VectorSelector,
        token::{
            T_AVG, T_BOTTOMK, T_COUNT, T_COUNT_VALUES, T_GROUP, T_LAND, T_LOR, T_LUNLESS, T_MAX, T_MIN, T_QUANTILE,
            T_STDDEV, T_STDVAR, T_SUM, T_TOPK,
        },
        value::ValueType,
    },
};

use super::{
    Grouping, Instants, Many, Matching, Matrix, Plan, Scalar, SetOperation, Vector,
    select::{Use, have_one_name, matchers, millis},
};
use crate::{
    promql::{
        Params, aggregate::Aggregation, arithmetic::Operation, error::Error, functions::instant::InstantFunction,
        grid::Grid,
    },
    store::sample::Selection,
};

/// Makes a plan, and notes what it needs.
#[derive(Debug)]
pub struct Planner<'a> {
    /// When and how the query is evaluated.
    pub params: &'a Params,
    /// The samples that are needed.
    pub selections: Vec<Selection>,
    /// What is probably wrong with the query.
    pub warnings: BTreeSet<String>,
    /// What is good to know about the answer.
    pub infos: BTreeSet<String>,
}

impl<'a> Planner<'a> {
    /// Of a query that is evaluated like this.
    pub fn new(params: &'a Params) -> Self {
        Self { params, selections: Vec::new(), warnings: BTreeSet::new(), infos: BTreeSet::new() }
    }

    /// Plans a whole query.
    pub fn plan(&mut self, expression: &Expr, grid: Grid) -> Result<Plan, Error> {
        let kind = expression.value_type();
        match kind {
            ValueType::Vector => self.vector(expression, grid).map(Plan::Vector),
            ValueType::Scalar => self.scalar(expression, grid).map(Plan::Scalar),
            _ if self.params.is_range() => {
                let told = if kind == ValueType::Matrix { "range vector" } else { "string" };
                Err(Error::Bad(format!(
                    "invalid expression type \"{told}\" for range query, must be Scalar or instant Vector"
                )))
            }
            ValueType::Matrix => self.matrix(expression, grid, Use::EverySample).map(Plan::Matrix),
            ValueType::String => string(expression).map(Plan::String),
        }
    }

    /// Plans what answers a vector.
    pub(super) fn vector(&mut self, expression: &Expr, grid: Grid) -> Result<Vector, Error> {
        if grid.count > 1 && Variance::of(expression) == Variance::Fixed {
            let once = self.vector(expression, Grid { count: 1, ..grid })?;
            return Ok(Vector::Repeat(Box::new(once), grid));
        }
        match expression {
            Expr::Paren(paren) => self.vector(&paren.expr, grid),
            Expr::VectorSelector(selector) => self.instants(selector, grid, false),
            Expr::Aggregate(aggregate) => self.aggregate(aggregate, grid),
            Expr::Binary(binary) => self.binary(binary, grid),
            Expr::Unary(unary) => {
                let of = Box::new(self.vector(&unary.expr, grid)?);
                Ok(Vector::Instant(InstantFunction::Negative, of, Vec::new(), grid))
            }
            Expr::Call(call) => self.call(call, grid),
            other => Err(wrong_type("instant vector", other)),
        }
    }

    pub(super) fn instants(
        &mut self,
        selector: &VectorSelector,
        grid: Grid,
        wants_time: bool,
    ) -> Result<Vector, Error> {
        let mut windows = self.windows(grid, selector.at.as_ref(), selector.offset.as_ref(), self.params.lookback)?;
        let (selection, rollup) = self.select(selector, &mut windows, Use::Last)?;
        let has_one_name = have_one_name(&matchers(selector)?);
        Ok(Vector::Instants(Instants { selection, windows, wants_time, rollup, has_one_name }))
    }

    /// Plans what answers samples.
    pub(super) fn matrix(&mut self, expression: &Expr, grid: Grid, used: Use) -> Result<Matrix, Error> {
        match expression {
            Expr::Paren(paren) => self.matrix(&paren.expr, grid, used),
            Expr::MatrixSelector(MatrixSelector { vs, range }) => {
                let mut windows = self.windows(grid, vs.at.as_ref(), vs.offset.as_ref(), millis(*range)?)?;
                let (selection, rollup) = self.select(vs, &mut windows, used)?;
                let has_one_name = have_one_name(&matchers(vs)?);
                Ok(Matrix::Selector { selection, windows, rollup, has_one_name })
            }
            Expr::Subquery(subquery) => self.subquery(subquery, grid),
            other => Err(wrong_type("range vector", other)),
        }
    }

    fn subquery(&mut self, subquery: &SubqueryExpr, grid: Grid) -> Result<Matrix, Error> {
        let range = millis(subquery.range)?;
        let step = subquery.step.map_or(Ok(self.params.subquery_step), millis)?;
        if step <= 0 {
            return Err(Error::Bad("the step of a subquery must be at least a millisecond".to_owned()));
        }
        let windows = self.windows(grid, subquery.at.as_ref(), subquery.offset.as_ref(), range)?;
        // Multiples of the step, whatever the grid around it is, so that results stay the same as it moves.
        let start = ((windows.to(0) - range).div_euclid(step) + 1) * step;
        let inner = Grid::between(start, windows.last_to(), step);
        Ok(Matrix::Subquery { of: Box::new(self.vector(&subquery.expr, inner)?), grid: inner, windows })
    }

    /// Plans what answers a number.
    pub(super) fn scalar(&mut self, expression: &Expr, grid: Grid) -> Result<Scalar, Error> {
        match expression {
            Expr::Paren(paren) => self.scalar(&paren.expr, grid),
            Expr::NumberLiteral(number) => Ok(Scalar::Number(number.val)),
            Expr::Unary(unary) => Ok(Scalar::Negative(Box::new(self.scalar(&unary.expr, grid)?))),
            Expr::Binary(binary) => {
                let operation = operation(binary)?;
                let left = Box::new(self.scalar(&binary.lhs, grid)?);
                let right = Box::new(self.scalar(&binary.rhs, grid)?);
                Ok(Scalar::Binary(operation, left, right))
            }
            Expr::Call(call) => match (call.func.name, call.args.args.as_slice()) {
                ("pi", []) => Ok(Scalar::Number(std::f64::consts::PI)),
                ("time", []) => Ok(Scalar::Time(grid)),
                ("scalar", [of]) => Ok(Scalar::Only(Box::new(self.vector(of, grid)?), grid)),
                _ => Err(wrong_type("scalar", expression)),
            },
            other => Err(wrong_type("scalar", other)),
        }
    }

    fn aggregate(&mut self, aggregate: &AggregateExpr, grid: Grid) -> Result<Vector, Error> {
        let parameter = || aggregate.param.as_deref().ok_or_else(|| Error::Bad("a parameter is missing".to_owned()));
        let aggregation = match aggregate.op.id() {
            T_SUM => Aggregation::Sum,
            T_AVG => Aggregation::Avg,
            T_MIN => Aggregation::Min,
            T_MAX => Aggregation::Max,
            T_COUNT => Aggregation::Count,
            T_GROUP => Aggregation::Group,
            T_STDDEV => Aggregation::Stddev,
            T_STDVAR => Aggregation::Stdvar,
            T_TOPK => Aggregation::Topk(self.scalar(parameter()?, grid)?),
            T_BOTTOMK => Aggregation::Bottomk(self.scalar(parameter()?, grid)?),
            T_QUANTILE => Aggregation::Quantile(self.scalar(parameter()?, grid)?),
            T_COUNT_VALUES => {
                let label = string(parameter()?)?;
                if label.is_empty() {
                    return Err(Error::Execution(format!("invalid label name {label:?}")));
                }
                Aggregation::CountValues(label.into())
            }
            _ => return Err(Error::Unsupported(format!("the aggregation `{}`", aggregate.op))),
        };
        let grouping = match &aggregate.modifier {
            None => Grouping::By(Vec::new()),
            Some(modifier) => grouping(modifier),
        };
        let of = Box::new(self.vector(&aggregate.expr, grid)?);
        Ok(Vector::Aggregate(aggregation, of, grouping, grid))
    }

    fn binary(&mut self, binary: &BinaryExpr, grid: Grid) -> Result<Vector, Error> {
        let scalar_on = |side: &Expr| side.value_type() == ValueType::Scalar;
        match (scalar_on(&binary.lhs), scalar_on(&binary.rhs)) {
            (true, true) => Err(wrong_type("instant vector", &binary.lhs)),
            (false, false) => self.vectors(binary, grid),
            (is_scalar_left, _) => {
                let (vector, scalar) =
                    if is_scalar_left { (&binary.rhs, &binary.lhs) } else { (&binary.lhs, &binary.rhs) };
                Ok(Vector::WithScalar {
                    operation: operation(binary)?,
                    vector: Box::new(self.vector(vector, grid)?),
                    scalar: self.scalar(scalar, grid)?,
                    is_scalar_left,
                })
            }
        }
    }

    fn vectors(&mut self, binary: &BinaryExpr, grid: Grid) -> Result<Vector, Error> {
        let left = Box::new(self.vector(&binary.lhs, grid)?);
        let right = Box::new(self.vector(&binary.rhs, grid)?);
        let modifier = binary.modifier.as_ref();
        let matching = modifier.and_then(|modifier| modifier.matching.as_ref());
        let grouping = matching.map_or_else(|| Grouping::Without(Vec::new()), grouping);
        let set = match binary.op.id() {
            T_LAND => Some(SetOperation::And),
            T_LOR => Some(SetOperation::Or),
            T_LUNLESS => Some(SetOperation::Unless),
            _ => None,
        };
        if let Some(operation) = set {
            return Ok(Vector::Set { operation, left, right, grouping, grid });
        }
        let (many, include) = match modifier.map(|modifier| &modifier.card) {
            Some(VectorMatchCardinality::ManyToOne(include)) => (Many::Left, include.labels.clone()),
            Some(VectorMatchCardinality::OneToMany(include)) => (Many::Right, include.labels.clone()),
            _ => (Many::None, Vec::new()),
        };
        let matching = Matching { grouping, many, include };
        Ok(Vector::Match { operation: operation(binary)?, left, right, matching, grid })
    }
}

/// The text of a literal.
pub(super) fn string(expression: &Expr) -> Result<String, Error> {
    match expression {
        Expr::Paren(paren) => string(&paren.expr),
        Expr::StringLiteral(literal) => Ok(literal.val.clone()),
        other => Err(wrong_type("string", other)),
    }
}

fn operation(binary: &BinaryExpr) -> Result<Operation, Error> {
    let unknown = || Error::Unsupported(format!("the operator `{}`", binary.op));
    Operation::of(binary.op.id(), binary.return_bool()).ok_or_else(unknown)
}

fn grouping(modifier: &LabelModifier) -> Grouping {
    let names = |names: &Names| names.labels.clone();
    match modifier {
        LabelModifier::Include(included) => Grouping::By(names(included)),
        LabelModifier::Exclude(excluded) => Grouping::Without(names(excluded)),
    }
}

fn wrong_type(wanted: &str, expression: &Expr) -> Error {
    Error::Bad(format!("expected type {wanted}, got {}: {expression}", expression.value_type()))
}

/// Whether an expression has the same value at every instant because of `@`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Variance {
    /// It has no selector: it is not worth while to treat it apart.
    Constant,
    /// All of its selectors look at a fixed time.
    Fixed,
    /// It may change.
    Varies,
}

impl Variance {
    fn of(expression: &Expr) -> Self {
        let is_fixed = |is_fixed| if is_fixed { Self::Fixed } else { Self::Varies };
        match expression {
            Expr::VectorSelector(selector) => is_fixed(selector.at.is_some()),
            Expr::MatrixSelector(selector) => is_fixed(selector.vs.at.is_some()),
            Expr::Subquery(subquery) => is_fixed(subquery.at.is_some()),
            Expr::Paren(paren) => Self::of(&paren.expr),
            Expr::Unary(unary) => Self::of(&unary.expr),
            Expr::Binary(binary) => Self::of(&binary.lhs).max(Self::of(&binary.rhs)),
            Expr::Aggregate(aggregate) => {
                let parameter = aggregate.param.as_deref().map_or(Self::Constant, Self::of);
                parameter.max(Self::of(&aggregate.expr))
            }
            Expr::Call(call) => match call.func.name {
                "time" | "timestamp" | "predict_linear" => Self::Varies,
                "year" | "month" | "day_of_month" | "day_of_week" | "day_of_year" | "days_in_month" | "hour"
                | "minute"
                    if call.args.is_empty() =>
                {
                    Self::Varies
                }
                _ => call.args.args.iter().map(|argument| Self::of(argument)).max().unwrap_or(Self::Constant),
            },
            _ => Self::Constant,
        }
    }
}
