select email, count(*) as records, max(name) as name
  from {{ ref('clean_person') }}
 where email is not null
 group by email
